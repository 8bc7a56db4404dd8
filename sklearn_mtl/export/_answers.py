"""Which types of tasks have answers in a graph."""

from __future__ import annotations

from typing import Any

from ..tasks import (
    BoundingBox,
    Classification,
    Count,
    MultilabelClassification,
    Ordinal,
    Regression,
    Segmentation,
    SequenceTagging,
    Survival,
    Task,
)
from ._answering import Answering
from ._class_answers import OfClassification, OfMultilabel, OfOrdinal, OfSegmentation, OfTags
from ._number_answers import OfBox, OfCount, OfFamily, OfRegression, OfSurvival

# Exact classes: a subclass may decode in another way.
_BY_TYPE: dict[type, type[Any]] = {
    Classification: OfClassification,
    Ordinal: OfOrdinal,
    MultilabelClassification: OfMultilabel,
    Regression: OfRegression,
    Count: OfCount,
    BoundingBox: OfBox,
    Survival: OfSurvival,
    SequenceTagging: OfTags,
    Segmentation: OfSegmentation,
}


def answering_of(name: str, task: Task) -> Answering:
    """Return the module that computes the answers of a fitted task.

    Raises
    ------
    TypeError
        If its type, or one of its options, is not supported; the message names the task.
    """
    if type(task) not in _BY_TYPE:
        supported = ", ".join(known.__name__ for known in _BY_TYPE)
        raise TypeError(
            f"task {name!r}: a {type(task).__name__} cannot be exported; supported are {supported}. Leave the "
            "task out by tasks=[...]."
        )
    if task.has_many_classes:
        raise TypeError(
            f"task {name!r}: softmax='adaptive' cannot be exported. Leave the task out by tasks=[...]."
        )
    has_family = isinstance(task, Regression | Count) and task._family is not None
    answering: Answering = OfFamily(name, task) if has_family else _BY_TYPE[type(task)](name, task)
    return answering
