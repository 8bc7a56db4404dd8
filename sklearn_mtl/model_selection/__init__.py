"""Model selection for several tasks."""

from ..training import PruningCallback
from ._affinity import task_affinity
from ._grid_search import TaskWeightSearchCV
from ._group_split import MultiTaskStratifiedGroupKFold
from ._grouping import TaskGrouping
from ._last_rows import LastRows
from ._optuna_search import MultiTaskOptunaSearchCV
from ._pareto import hypervolume, non_dominated
from ._random_search import TaskWeightRandomSearchCV
from ._sharing import compare_sharing, sharing_report
from ._simplex import task_weight_simplex
from ._split import MultiTaskStratifiedKFold

__all__ = [
    "LastRows",
    "MultiTaskOptunaSearchCV",
    "MultiTaskStratifiedGroupKFold",
    "MultiTaskStratifiedKFold",
    "PruningCallback",
    "TaskGrouping",
    "TaskWeightRandomSearchCV",
    "TaskWeightSearchCV",
    "compare_sharing",
    "hypervolume",
    "non_dominated",
    "sharing_report",
    "task_affinity",
    "task_weight_simplex",
]
