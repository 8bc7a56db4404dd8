"""Model selection for several tasks."""

from ._pareto import hypervolume, non_dominated
from ._search import TaskWeightRandomSearchCV, TaskWeightSearchCV
from ._simplex import task_weight_simplex
from ._split import MultiTaskStratifiedKFold

__all__ = [
    "MultiTaskStratifiedKFold",
    "TaskWeightRandomSearchCV",
    "TaskWeightSearchCV",
    "hypervolume",
    "non_dominated",
    "task_weight_simplex",
]
