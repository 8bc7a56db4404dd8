"""Model selection for several tasks."""

from ._group_split import MultiTaskStratifiedGroupKFold
from ._last_rows import LastRows
from ._pareto import hypervolume, non_dominated
from ._search import TaskWeightRandomSearchCV, TaskWeightSearchCV
from ._simplex import task_weight_simplex
from ._split import MultiTaskStratifiedKFold

__all__ = [
    "LastRows",
    "MultiTaskStratifiedGroupKFold",
    "MultiTaskStratifiedKFold",
    "TaskWeightRandomSearchCV",
    "TaskWeightSearchCV",
    "hypervolume",
    "non_dominated",
    "task_weight_simplex",
]
