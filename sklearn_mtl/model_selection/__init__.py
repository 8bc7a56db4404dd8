"""Model selection for several tasks."""

from ._grid_search import TaskWeightSearchCV
from ._group_split import MultiTaskStratifiedGroupKFold
from ._last_rows import LastRows
from ._pareto import hypervolume, non_dominated
from ._random_search import TaskWeightRandomSearchCV
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
