"""Inference of the task type from labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..columns._labels import MOST_CLASSES, Facts, facts_of
from ..columns._missing import is_missing
from ..columns._survival import are_survival
from ._base import Task
from ._bounding_box import BoundingBox
from ._classification import Classification
from ._count import Count
from ._masks import are_masks
from ._multilabel import MultilabelClassification
from ._ordinal import Ordinal
from ._regression import Regression
from ._segmentation import Segmentation
from ._sequence_tagging import SequenceTagging
from ._survival import Survival
from ._tags import are_padded_tags, are_written_tags

_SHORTHAND: dict[str, type[Task]] = {
    "classification": Classification,
    "regression": Regression,
    "multilabel": MultilabelClassification,
    "tagging": SequenceTagging,
    "ordinal": Ordinal,
    "count": Count,
    "segmentation": Segmentation,
    "bounding_box": BoundingBox,
    "survival": Survival,
}


def resolve_task(task: Task | str) -> Task:
    """Return the task for a shorthand such as "regression"; a task is returned unchanged.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if isinstance(task, Task):
        return task
    if isinstance(task, str) and task in _SHORTHAND:
        return _SHORTHAND[task]()
    hint = f"; write {task.__name__}()" if isinstance(task, type) and issubclass(task, Task) else ""
    raise ValueError(f"expected a Task or one of {sorted(_SHORTHAND)}, got {task!r}{hint}")


def infer_task(
    y: np.ndarray,
    kind: str | None = None,
    lengths: np.ndarray | None = None,
    grid: tuple[int, int] | None = None,
    facts: Facts | None = None,
) -> Task:
    """Infer the task type from the labels of a target.

    Bool, text and category labels, floats that are all 0 or 1, and integers with at most 20 different values are
    classification; other numbers are regression. If labels are missing, whole floats are treated as integers. A
    2-D array of 0 and 1, or a column of sets, is multilabel. Structured arrays of two fields, and pairs of a bool
    and a number, are censored times.

    If the rows of X are sequences, tags are: lists that mostly have the length of their row, texts with as many
    words, and whole floats with NaN after the end of each row. If they are images, tags are lists of texts or
    lists of different lengths. In both cases, tags are also 2-D arrays of texts, or of integers that are not all
    0 or 1. With images, integers (n_samples, height, width) are labels of pixels, and so is a column of 2-D
    arrays with missing ones.

    Parameters
    ----------
    y : ndarray of shape (n_samples, ...)
        The target of one task.
    kind : {"classification", "regression"} or None, default=None
        Kind of the task, whatever the labels.
    lengths : ndarray of shape (n_samples,) or None, default=None
        Number of tokens of each row of X, if it has sequences.
    grid : (int, int) or None, default=None
        Height and width of the trunk's map of positions, for images.
    facts : Facts or None, default=None
        Facts about the labels; None computes them. For some rows of a target, pass the facts of all rows.

    Returns
    -------
    Task

    Raises
    ------
    ValueError
        If no task type fits: dates, complex numbers, or a 2-D array of various integers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import infer_task
    >>> infer_task(np.array([1.5, np.nan, 2.0]))
    Regression()
    >>> infer_task(np.array(["a", None], dtype=object))
    Classification()
    """
    facts = facts_of(y) if facts is None else facts
    refuse_dates(facts)
    if are_survival(y):
        return Survival()
    if kind == "regression":
        return Regression()
    if are_tags(y, lengths, grid) or are_written_tags(y, lengths) or are_padded_tags(y, lengths):
        return SequenceTagging()
    if grid is not None and are_masks(y):
        return Segmentation()
    if y.ndim == 1 and facts.kind == "object" and any(_is_set(label) for label in y):
        return MultilabelClassification()
    if y.ndim == 2:
        return _infer_block(y, facts, kind)
    return Classification() if kind == "classification" or _are_classes(facts) else Regression()


def refuse_dates(facts: Facts) -> None:
    """Raise for labels that no task supports.

    Raises
    ------
    ValueError
    """
    if facts.kind == "date":
        raise ValueError(
            "the labels are dates or durations; pass numbers, such as the days since a first date, or texts for "
            "classes"
        )
    if facts.kind == "complex":
        raise ValueError("the labels are complex numbers; pass real and imaginary parts as separate tasks")


def doubt_of(task: Task, facts: Facts) -> str | None:
    """Return which labels leave the inferred type uncertain; None if it is certain."""
    if facts.is_binary or not facts.is_whole or not isinstance(task, Classification | Regression):
        return None
    if facts.kind == "float":
        return "whole floats"
    return f"integers with more than {MOST_CLASSES} different values" if isinstance(task, Regression) else None


def _are_classes(facts: Facts) -> bool:
    if facts.kind not in ("integer", "float", "fraction"):
        return True
    could_be = facts.kind == "integer" or (facts.kind == "float" and facts.has_gaps and facts.is_whole)
    return facts.is_binary or (could_be and facts.n_different <= MOST_CLASSES)


def are_tags(y: np.ndarray, lengths: np.ndarray | None, grid: tuple[int, int] | None) -> bool:
    """Return whether a target has a label for each token of a sequence, or each column of an image."""
    if lengths is None and grid is None:
        return False
    if y.ndim == 2:
        labels = y[~is_missing(y)]
        return labels.dtype.kind in "iuUSO" and not _is_continuous(labels) and not _is_binary(labels)
    rows = [(i, row) for i, row in enumerate(y) if isinstance(row, list | tuple | np.ndarray)]
    if y.ndim != 1 or not rows:
        return False
    if lengths is None:
        texts = all(isinstance(label, str) for _, row in rows for label in row)
        return texts or len({len(row) for _, row in rows}) > 1
    # some rows may have a wrong length: the task then names the row, instead of reading sets of labels
    return sum(len(row) == lengths[i] for i, row in rows) > len(rows) / 2


def _infer_block(y: np.ndarray, facts: Facts, kind: str | None) -> Task:
    labels = y[~is_missing(y)]
    if facts.is_binary or _is_binary(labels):
        return MultilabelClassification()
    if kind == "classification":
        return Classification()  # floats are probabilities of the classes; the task refuses other labels
    if _is_continuous(labels):
        return Regression()
    raise ValueError(
        f"a 2-D target of shape {y.shape} and dtype {y.dtype} is neither floats (regression) nor 0 and 1 "
        "(multilabel); make each column a separate task, or set the type of the task in `tasks`"
    )


def _is_set(label: Any) -> bool:
    return isinstance(label, list | tuple | set | frozenset | np.ndarray)


def _is_binary(labels: np.ndarray) -> bool:
    if labels.dtype.kind in "US":
        return False
    try:
        return bool(np.isin(labels.astype(np.float64), (0, 1)).all())
    except (TypeError, ValueError):
        return False


def _is_continuous(labels: np.ndarray) -> bool:
    if labels.dtype.kind == "O":
        return facts_of(labels).kind in ("float", "fraction") and not _is_binary(labels)
    return labels.dtype.kind == "f" and not _is_binary(labels)
