"""Grammars of tagging schemes, and the most probable sequences of labels under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

# The share of entities that may violate the scheme of the others.
TOLERATED = 0.05
# The score of an impossible label, and the largest score of a possible one. Sums of the latter stay above the
# former.
IMPOSSIBLE = -1e30
LARGEST = 1e12


class Grammar(NamedTuple):
    """The sequences of K labels that a tagging scheme allows.

    Parameters
    ----------
    start, end : ndarray of bool of shape (K,)
        Labels that may begin and end a sequence.
    transition : ndarray of bool of shape (K, K)
        Entry (j, k) is True if label k may follow label j.
    """

    start: np.ndarray
    transition: np.ndarray
    end: np.ndarray

    def allows(self, codes: np.ndarray) -> bool:
        """Return whether a sequence of labels, given by their numbers, is valid; an empty one is."""
        if len(codes) == 0:
            return True
        steps = self.transition[codes[:-1], codes[1:]].all()
        return bool(self.start[codes[0]] and steps and self.end[codes[-1]])


def bio_grammar(classes: Sequence[Any]) -> Grammar | None:
    """Return the grammar of labels of the scheme BIO (IOB2) or IOBES.

    In BIO an I- follows a B- or I- of its kind; there are no other restrictions. The scheme is IOBES if a label
    begins with E- or S-: an entity of several tokens starts with B-, continues with I- and ends with E-; an
    entity of a single token is S-.

    Parameters
    ----------
    classes : sequence of K labels

    Returns
    -------
    Grammar or None
        None if the labels follow neither scheme: a label is neither "O" nor a B, I, E or S with a kind, such as
        "B-city"; a kind has no label that begins or ends its entities, as in IOB1; or there are no entities.
    """
    pairs = _pairs_of(classes)
    if pairs is None:
        return None
    prefixes = {prefix for prefix, _ in pairs}
    closing = bool(prefixes & {"E", "S"})
    if not _is_complete(pairs, closing):
        return None
    prefix = np.array([prefix for prefix, _ in pairs])
    kind = np.array([kind for _, kind in pairs])
    same = kind[:, None] == kind
    opens, goes_on = np.isin(prefix, ("B", "I")), np.isin(prefix, ("I", "E"))
    # from an open entity to its own next token, and to any label where it need not be closed
    within = opens[:, None] & goes_on & same
    free = ~goes_on & (~opens[:, None] | (not closing))
    return Grammar(~goes_on, within | free, ~opens if closing else np.ones(len(pairs), dtype=bool))


def observed_grammar(classes: Sequence[Any], codes: np.ndarray, lengths: np.ndarray) -> Grammar | None:
    """Return the grammar that sequences of labels follow.

    It is the grammar of `bio_grammar`, plus the labels that begin and end rows here, because rows may be windows
    of longer sequences. If entities begin with I-, and B- only follows an entity of its kind, it is the grammar
    of IOB1 [1]_.

    Parameters
    ----------
    classes : sequence of K labels
    codes : ndarray of int of shape (n_tokens,)
        Codes of the labels of all rows; -1 for a missing label.
    lengths : ndarray of int of shape (n_rows,)
        Number of tokens of each row.

    Returns
    -------
    Grammar or None
        None if the labels follow no scheme, or the sequences violate it.

    References
    ----------
    .. [1] Tjong Kim Sang and Veenstra, "Representing Text Chunks", EACL 1999.
    """
    pairs = _pairs_of(classes)
    if pairs is None:
        return None
    prefix, kind = (np.array(part) for part in zip(*pairs, strict=True))
    begins, goes_on = prefix == "B", np.isin(prefix, ("I", "E"))
    # an entity of this kind may continue, or be followed by another one
    within = np.isin(prefix, ("B", "I"))[:, None] & (kind[:, None] == kind)
    steps, first, last = _observed(codes, lengths, len(pairs))
    by_inside = (steps * ~within)[:, goes_on].sum()
    by_begin = (steps * ~within)[:, begins | (prefix == "S")].sum() + first[begins].sum()
    if by_inside <= TOLERATED * by_begin:
        grammar = bio_grammar(classes)
        return (
            None
            if grammar is None
            else Grammar(grammar.start | (first > 0), grammar.transition, grammar.end | (last > 0))
        )
    has_splits = begins.any() and not np.isin(prefix, ("E", "S")).any()
    if has_splits and by_begin <= TOLERATED * by_inside:
        return Grammar(~begins | (first > 0), within | ~begins, np.ones(len(pairs), dtype=bool))
    return None


def are_entity_tags(classes: Sequence[Any]) -> bool:
    """Return whether labels mark entities: "O", and B, I, E and S with or without a type."""
    return _pairs_of(classes) is not None


def _observed(codes: np.ndarray, lengths: np.ndarray, n_labels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count pairs of consecutive labels (K, K), and labels that begin and end rows (K,)."""
    ends = np.cumsum(lengths)[lengths > 0]
    starts = ends - lengths[lengths > 0]
    inside = np.ones(len(codes), dtype=bool)
    inside[starts] = False
    before, after = codes[:-1], codes[1:]
    known = inside[1:] & (before >= 0) & (after >= 0)
    steps = np.bincount(before[known] * n_labels + after[known], minlength=n_labels**2).reshape(n_labels, -1)
    first, last = (
        np.bincount(codes[places][codes[places] >= 0], minlength=n_labels) for places in (starts, ends - 1)
    )
    return steps, first, last


def _pairs_of(classes: Sequence[Any]) -> list[tuple[str, str]] | None:
    """Return prefix and type of each label; None if they follow no scheme."""
    if not all(isinstance(label, str) for label in classes):
        return None
    pairs = [("O", "") if label == "O" else _prefix_and_kind(str(label)) for label in classes]
    prefixes = {prefix for prefix, _ in pairs}
    return None if not prefixes <= {"O", "B", "I", "E", "S"} or prefixes <= {"O"} else pairs


def _prefix_and_kind(label: str) -> tuple[str, str]:
    prefix, _, kind = label.partition("-")
    return ("", "") if prefix == "O" else (prefix, kind)


def _is_complete(pairs: list[tuple[str, str]], closing: bool) -> bool:
    """Return whether every label can be part of a valid sequence, and valid sequences of any length exist."""
    known = set(pairs)
    begun = all(("B", kind) in known for prefix, kind in pairs if prefix in ("I", "E"))
    if not closing:
        return begun
    ended = all(("E", kind) in known for prefix, kind in pairs if prefix in ("B", "I"))
    return begun and ended and any(prefix in ("O", "S") for prefix, _ in pairs)


def best_paths(log_proba: np.ndarray, lengths: np.ndarray, grammar: Grammar) -> np.ndarray:
    """Find the most probable valid sequence of labels of each row (Viterbi [1]_).

    Parameters
    ----------
    log_proba : ndarray of shape (n_tokens, K)
        Log-probabilities of all labels, or logits, of the tokens of all rows, concatenated.
    lengths : ndarray of int of shape (n_rows,)
        Number of tokens of each row.
    grammar : Grammar
        Valid sequences; it must allow sequences of any length.

    Returns
    -------
    ndarray of int of shape (n_tokens,)
        Codes of the labels.

    References
    ----------
    .. [1] Viterbi, "Error Bounds for Convolutional Codes and an Asymptotically Optimum Decoding Algorithm", IEEE
       Transactions on Information Theory, 1967.
    """
    if len(log_proba) == 0:
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")  # rows that have not ended come first
    starts, lengths = (np.cumsum(lengths) - lengths)[order], lengths[order]
    longest = int(lengths[0])
    active = np.searchsorted(-lengths, -np.arange(longest))  # rows longer than t
    best_before = _BestPredecessors(grammar.transition)
    came_from = np.empty(log_proba.shape, dtype=np.min_scalar_type(log_proba.shape[1]))
    scores = np.where(grammar.start, 0.0, IMPOSSIBLE) + _bounded(log_proba[starts[: active[0]]])
    for t in range(1, longest):
        tokens = starts[: active[t]] + t
        came_from[tokens], reached = best_before(scores[: active[t]])
        scores[: active[t]] = reached + _bounded(log_proba[tokens])
    path = np.empty(len(log_proba), dtype=np.int64)
    label = np.where(grammar.end, scores, -np.inf).argmax(axis=1)
    for t in range(longest - 1, -1, -1):
        tokens = starts[: active[t]] + t
        path[tokens] = label[: active[t]]
        if t:
            label[: active[t]] = came_from[tokens, label[: active[t]]]
    return path


def _bounded(scores: np.ndarray) -> np.ndarray:
    return np.minimum(np.fmax(scores.astype(np.float64), -LARGEST), LARGEST)  # NaN becomes the smallest


class _BestPredecessors:
    """Finds the best predecessor of each label.

    Most labels may follow any other, but an I- may only follow two. Labels with the same predecessors share one
    search, which is limited to these predecessors.
    """

    def __init__(self, transition: np.ndarray) -> None:
        sets, self.set_of = np.unique(transition.T, axis=0, return_inverse=True)
        sizes = sets.sum(axis=1)
        self.n_sets = len(sets)
        # sets of one size are searched together: indices of the sets, and their labels
        self.by_size = [
            (np.flatnonzero(sizes == size), np.nonzero(sets[sizes == size])[1].reshape(-1, size))
            for size in np.unique(sizes[sizes > 0])
        ]

    def __call__(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the best previous label of each label, and its score, for scores (B, K)."""
        label = np.zeros((len(scores), self.n_sets), dtype=np.int64)
        reached = np.full((len(scores), self.n_sets), IMPOSSIBLE)
        for numbers, labels in self.by_size:
            candidates = scores[:, labels]
            best = candidates.argmax(axis=2)
            label[:, numbers] = labels[np.arange(len(labels)), best]
            reached[:, numbers] = np.take_along_axis(candidates, best[:, :, None], axis=2)[:, :, 0]
        return label[:, self.set_of], reached[:, self.set_of]
