"""Task types: what a target is, how a network learns it, and how it is scored."""

from ._base import Encoded, Task
from ._classification import Classification
from ._groups import TaskGroup, group_tasks
from ._infer import infer_task, resolve_task
from ._multilabel import MultilabelClassification
from ._regression import Regression
from ._sequence_tagging import SequenceTagging

__all__ = [
    "Classification",
    "Encoded",
    "MultilabelClassification",
    "Regression",
    "SequenceTagging",
    "Task",
    "TaskGroup",
    "group_tasks",
    "infer_task",
    "resolve_task",
]
