"""Entities in sequences of tags, and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..utils._types import WeightsLike

# Role of a tag: outside, begin, inside, end, or single.
_OUTSIDE, _BEGIN, _INSIDE, _END, _SINGLE = range(5)
# The number of a missing tag.
_ABSENT = 0
_PREFIXES = {"B": _BEGIN, "I": _INSIDE, "E": _END, "S": _SINGLE}


class EntitySpan(NamedTuple):
    """One entity.

    Parameters
    ----------
    kind : str
        Type of the entity: the part of its tags after the prefix, or empty.
    start, stop : int
        Its tokens are ``tokens[start:stop]``.
    """

    kind: str
    start: int
    stop: int


def entity_spans(tags: Sequence[Any]) -> list[EntitySpan]:
    """Find the entities of one sequence of tags.

    A tag is "O", outside of any entity, or one of B, I, E and S (begin, inside, end, single) with a type, as in
    "B-city" (schemes IOB1, IOB2 and IOBES). Invalid sequences are read like in the CoNLL evaluation script [1]_:
    an I or E without a beginning starts an entity, a change of the type starts one too, and nothing continues an E
    or S.

    Parameters
    ----------
    tags : sequence of str
        None, -1 and an empty string are outside of any entity.

    Returns
    -------
    list of EntitySpan
        From left to right.

    Raises
    ------
    ValueError
        If a tag has another form.

    References
    ----------
    .. [1] Tjong Kim Sang and De Meulder, "Introduction to the CoNLL-2003 Shared Task: Language-Independent Named
       Entity Recognition", CoNLL 2003.

    Examples
    --------
    >>> from sklearn_mtl.metrics import entity_spans
    >>> entity_spans(["B-city", "I-city", "O", "I-day"])
    [EntitySpan(kind='city', start=0, stop=2), EntitySpan(kind='day', start=3, stop=4)]
    """
    reader = _Reader()
    starts, stops, kinds = reader.spans(reader.read([tags]))
    names = list(reader.kinds)
    return [
        EntitySpan(names[kind], int(start), int(stop))
        for kind, start, stop in zip(kinds, starts, stops, strict=True)
    ]


def entity_f1_score(
    y_true: Sequence[Sequence[Any]], y_pred: Sequence[Sequence[Any]], sample_weight: WeightsLike = None
) -> float:
    """Compute the F1 score of entities, counted over all sequences.

    A predicted entity is correct if its type, first token and last token equal those of a true entity.
    `entity_spans` defines entities.

    Parameters
    ----------
    y_true, y_pred : sequence of n_samples sequences of str
        Tags. Where a true tag is missing, None or -1, the predicted one counts as "O".
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sequence.

    Returns
    -------
    float
        0 if there is no entity among the true tags and none among the predicted ones.

    Raises
    ------
    ValueError
        If the numbers of true and predicted tags of a row differ; the message names the row.

    Examples
    --------
    >>> from sklearn_mtl.metrics import entity_f1_score
    >>> true = [["B-city", "I-city", "O", "B-day"], ["O", "B-day"]]
    >>> pred = [["B-city", "O", "O", "B-day"], ["O", "B-day"]]
    >>> round(entity_f1_score(true, pred), 3)
    0.667
    """
    return entity_precision_recall_f1(y_true, y_pred, sample_weight)[2]


def entity_precision_recall_f1(
    y_true: Sequence[Sequence[Any]], y_pred: Sequence[Sequence[Any]], sample_weight: WeightsLike = None
) -> tuple[float, float, float]:
    """Compute precision, recall and F1 of entities, counted over all sequences.

    Parameters
    ----------
    y_true, y_pred, sample_weight : object
        As in `entity_f1_score`.

    Returns
    -------
    tuple of (float, float, float)
        Each is 0 if it would be 0 divided by 0.

    Examples
    --------
    >>> from sklearn_mtl.metrics import entity_precision_recall_f1
    >>> entity_precision_recall_f1([["B-city", "O"]], [["B-city", "B-day"]])
    (0.5, 1.0, 0.6666666666666666)
    """
    reader = _Reader()
    lengths = _common_lengths(y_true, y_pred)
    true, pred = reader.read(y_true), reader.read(y_pred)
    pred = np.where(reader.is_missing(true), _ABSENT, pred)
    starts, stops, kinds = reader.spans(true)
    pred_starts, pred_stops, pred_kinds = reader.spans(pred)
    weight = np.ones(len(lengths)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    # a separator follows each sequence, and an entity belongs to the sequence of its first tag
    by_tag = np.repeat(weight, lengths + 1)
    stop_at, kind_at = np.full((2, len(by_tag)), -1)
    stop_at[starts], kind_at[starts] = stops, kinds
    right = (stop_at[pred_starts] == pred_stops) & (kind_at[pred_starts] == pred_kinds)
    n_right, n_pred, n_true = (by_tag[where].sum() for where in (pred_starts[right], pred_starts, starts))
    return _share(n_right, n_pred), _share(n_right, n_true), _share(2 * n_right, n_pred + n_true)


class _Reader:
    """Converts tags to numbers, equal for equal tags.

    Attributes
    ----------
    kinds : dict of str to int
        Number of each entity type.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, int] = {}
        self._numbers: dict[Any, int] = {None: _ABSENT}
        # by the number of a tag: its role, its type, and whether it is missing
        self._roles, self._kinds, self._is_missing = [_OUTSIDE], [-1], [True]

    def read(self, sequences: Sequence[Sequence[Any]]) -> np.ndarray:
        """Return the tags of all sequences as numbers, with a missing tag after each sequence."""
        flat = [tag for tags in sequences for tag in (*tags, None)]
        for tag in set(flat) - self._numbers.keys():
            self._add(tag)
        return np.fromiter(map(self._numbers.__getitem__, flat), dtype=np.int64, count=len(flat))

    def _add(self, tag: Any) -> None:
        missing = tag == -1 or tag != tag
        role, kind = _OUTSIDE, -1
        if not missing and tag not in ("O", ""):
            prefix, _, name = tag.partition("-") if isinstance(tag, str) else ("", "", "")
            if prefix not in _PREFIXES:
                raise ValueError(f"entity tags are 'O' or begin with B, I, E or S, as in 'B-city'; got {tag!r}")
            role, kind = _PREFIXES[prefix], self.kinds.setdefault(name, len(self.kinds))
        self._numbers[tag] = len(self._roles)
        self._roles.append(role)
        self._kinds.append(kind)
        self._is_missing.append(missing)

    def is_missing(self, numbers: np.ndarray) -> np.ndarray:
        """Return which tags are missing."""
        return np.array(self._is_missing)[numbers]

    def spans(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return start, stop and type of all entities in tags; the last tag must be a missing one."""
        roles, kinds = np.array(self._roles)[numbers], np.array(self._kinds)[numbers]
        before = np.roll(roles, 1)
        inside = roles != _OUTSIDE
        begins = (roles == _BEGIN) | (roles == _SINGLE) | (kinds != np.roll(kinds, 1))
        begins |= (before == _END) | (before == _SINGLE) | (before == _OUTSIDE)
        begins &= inside
        continues = np.roll(inside & ~begins, -1)
        starts, stops = np.flatnonzero(begins), np.flatnonzero(inside & ~continues) + 1
        return starts, stops, kinds[starts]


def _common_lengths(y_true: Sequence[Sequence[Any]], y_pred: Sequence[Sequence[Any]]) -> np.ndarray:
    if len(y_true) != len(y_pred):
        raise ValueError(f"there are {len(y_true)} true and {len(y_pred)} predicted sequences of tags")
    lengths = np.array([len(tags) for tags in y_true], dtype=np.int64)
    found = np.array([len(tags) for tags in y_pred], dtype=np.int64)
    if (lengths != found).any():
        row = int(np.flatnonzero(lengths != found)[0])
        raise ValueError(f"row {row} has {lengths[row]} true and {found[row]} predicted tags")
    return lengths


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else 0.0
