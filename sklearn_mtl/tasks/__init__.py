"""Task types, which define how labels are encoded, learned and scored."""

from ._base import Encoded, Task
from ._bounding_box import BoundingBox
from ._classification import Classification
from ._count import Count
from ._distributions import PredictedDistribution
from ._infer import doubt_of, infer_task, refuse_dates, resolve_task
from ._multilabel import MultilabelClassification
from ._ordinal import Ordinal
from ._regression import Regression
from ._segmentation import Segmentation
from ._sequence_tagging import SequenceTagging
from ._statistics import LabelStatistics
from ._survival import Survival
from ._tags import refuse_numbers_of_steps
from ._task_group import TaskGroup, group_tasks

__all__ = [
    "BoundingBox",
    "Classification",
    "Count",
    "Encoded",
    "LabelStatistics",
    "MultilabelClassification",
    "Ordinal",
    "PredictedDistribution",
    "Regression",
    "Segmentation",
    "SequenceTagging",
    "Survival",
    "Task",
    "TaskGroup",
    "doubt_of",
    "group_tasks",
    "infer_task",
    "refuse_dates",
    "refuse_numbers_of_steps",
    "resolve_task",
]
