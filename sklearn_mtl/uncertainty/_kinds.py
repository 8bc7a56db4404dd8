"""How sets of a task are built, by the type of its labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tasks import SequenceTagging, Task
from ._scorers import Classes, Labels, Numbers, Scorer
from ._token_scorer import Tokens


def kind_of(task: Task) -> type[Scorer] | None:
    """Return how sets of a task are built; None if there are none, as for pixels."""
    if isinstance(task, SequenceTagging):
        return Tokens
    if task.labels_positions:
        return None
    if task.is_regression:
        return Numbers
    return Classes if task.has_one_label else Labels


def methods_of(task: Task) -> Sequence[str]:
    """Return the methods for a task."""
    kind: Any = kind_of(task)
    return [] if kind is None else list(kind.fields)
