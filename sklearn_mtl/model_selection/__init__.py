"""Model selection for several tasks."""

from ._grid_search import TaskWeightSearchCV
from ._pareto import hypervolume, non_dominated
from ._random_search import TaskWeightRandomSearchCV
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
