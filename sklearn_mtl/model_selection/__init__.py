"""Model selection for several tasks."""

from ._pareto import hypervolume, non_dominated
from ._split import MultiTaskStratifiedKFold

__all__ = ["MultiTaskStratifiedKFold", "hypervolume", "non_dominated"]
