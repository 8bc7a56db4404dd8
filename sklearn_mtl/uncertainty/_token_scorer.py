"""Sets of labels for each token, by the share of the tokens or of the entities of a row that are missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..columns._columns import objects_of
from ..metrics import entity_spans
from ..tasks._classification import class_numbers
from ..tasks._tags import read_tags
from ._pool import Pool
from ._said import Said
from ._scorers import Scorer, Scores


class Units(NamedTuple):
    """What may be missed in some rows: labelled tokens, entities, or all labelled tokens of a row.

    Parameters
    ----------
    rows : ndarray of int of shape (m,)
        The row of each unit.
    first, stop : ndarray of int of shape (m,)
        Its tokens are ``tokens[first:stop]`` among the labelled tokens of all rows.
    """

    rows: np.ndarray
    first: np.ndarray
    stop: np.ndarray

    def reduce(self, ufunc: np.ufunc, values: np.ndarray) -> np.ndarray:
        """Reduce the values of the tokens of each unit to one."""
        if not len(self.rows):
            return values[:0]
        ends = np.column_stack([self.first, self.stop]).ravel()
        reduced: np.ndarray = ufunc.reduceat(np.append(values, values[-1]), ends)[::2]
        return reduced


class Tokens(Scorer):
    """Sets of labels for each token, of which a row misses a share on average, or none with a probability.

    A token is missed if its set lacks its label; an entity is missed if one of its tokens is.
    """

    fields = dict.fromkeys(("fnr", "entities", "coverage"), ("probabilities",))

    def scores(self, said: Said, y: np.ndarray) -> list[Scores]:
        flat, lengths = _flat(_probabilities(said))
        truth = self._truth(y, lengths)
        each = np.full(len(truth.codes), np.inf)  # no set can hold a label that the network does not know
        known = truth.codes >= 0
        each[known] = 1.0 - flat[truth.places[known], truth.codes[known]]
        units = self._units(truth)
        values = units.reduce(np.maximum, each)
        counts = np.bincount(units.rows, minlength=len(y))
        return [Scores(counts > 0, units.rows, values, 1.0 / counts[units.rows])]

    def sets(self, said: Sequence[Said], pools: Sequence[Pool], level: float, weights: np.ndarray) -> np.ndarray:
        each, pool = [_probabilities(one) for one in said], pools[0]
        mass = sum(pool.mass_below(1.0 - _flat(proba)[0], source) for source, proba in enumerate(each))
        needed = np.repeat(pool.needed(level, weights), _flat(each[0])[1])
        return _in_rows(np.asarray(mass < needed[:, None]), each[0])

    def covered(self, y: np.ndarray, sets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        flat, lengths = _flat(sets)
        truth = self._truth(y, lengths)
        inside = (truth.codes >= 0) & flat[truth.places, truth.codes]
        units = self._units(truth)
        found = units.reduce(np.logical_and, inside)
        counts = np.bincount(units.rows, minlength=len(y))
        share = np.bincount(units.rows, found, minlength=len(y)) / np.maximum(counts, 1)
        rows = np.repeat(np.arange(len(y)), lengths)
        sizes = np.bincount(rows, flat.sum(axis=1), minlength=len(y)) / np.maximum(lengths, 1)
        return np.where(counts > 0, share, np.nan)[:, None], sizes[:, None]

    def _truth(self, y: np.ndarray, lengths: np.ndarray) -> _Truth:
        tags = read_tags(y, self.task._ignored())
        tags.check_lengths(lengths)
        rows = np.repeat(np.arange(len(tags.lengths)), tags.lengths)
        steps = np.arange(len(rows)) - np.repeat(np.cumsum(tags.lengths) - tags.lengths, tags.lengths)
        starts = np.cumsum(lengths) - lengths
        rows, steps, labels = rows[tags.labelled], steps[tags.labelled], tags.labels[tags.labelled]
        return _Truth(labels, class_numbers(labels, self.task.classes_), rows, steps, starts[rows] + steps)

    def _units(self, truth: _Truth) -> Units:
        """Return what may be missed: labelled tokens, whole rows, or entities."""
        first = np.arange(len(truth.rows))
        if self.method == "fnr":
            return Units(truth.rows, first, first + 1)
        rows, first = np.unique(truth.rows, return_index=True)
        stop = np.append(first[1:], len(truth.rows)) if len(rows) else first
        if self.method == "coverage":
            return Units(rows, first, stop)
        return _entities(truth, rows, first, stop)


class _Truth(NamedTuple):
    """The labelled tokens of some rows, one after the other.

    Parameters
    ----------
    labels : ndarray of shape (m,)
    codes : ndarray of int of shape (m,)
        Positions of the labels among the classes; -1 for one that the network does not know.
    rows, steps : ndarray of int of shape (m,)
        The row of each token, and its position in the row.
    places : ndarray of int of shape (m,)
        Its position among the tokens of all rows, with or without a label.
    """

    labels: np.ndarray
    codes: np.ndarray
    rows: np.ndarray
    steps: np.ndarray
    places: np.ndarray


def _entities(truth: _Truth, rows: np.ndarray, first: np.ndarray, stop: np.ndarray) -> Units:
    """Return the entities of rows, whose labelled tokens are ``first[i]:stop[i]``."""
    found: list[tuple[int, int, int]] = []
    for row, start, end in zip(rows.tolist(), first.tolist(), stop.tolist(), strict=True):
        steps = truth.steps[start:end]
        tags: list[Any] = [None] * (int(steps[-1]) + 1)
        for step, label in zip(steps.tolist(), truth.labels[start:end].tolist(), strict=True):
            tags[step] = label
        for entity in entity_spans(tags):  # its tokens are labelled, so that they follow each other
            place = start + int(np.searchsorted(steps, entity.start))
            found.append((row, place, place + entity.stop - entity.start))
    each = np.array(found, dtype=np.intp).reshape(-1, 3)
    return Units(*each.T)


def _flat(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what was said of the tokens of all rows (n_tokens, n_classes), and the tokens of each row."""
    if values.dtype != object:
        return values.reshape(-1, values.shape[-1]), np.full(len(values), values.shape[1])
    return np.concatenate(list(values)), np.array([len(row) for row in values])


def _probabilities(said: Said) -> np.ndarray:
    assert said.probabilities is not None
    return said.probabilities


def _in_rows(flat: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return values of tokens in the form of the probabilities."""
    if like.dtype != object:
        return flat.reshape(like.shape)
    return objects_of(np.split(flat, np.cumsum([len(row) for row in like])[:-1]))
