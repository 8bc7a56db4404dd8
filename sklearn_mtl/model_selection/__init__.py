"""Model selection for several tasks."""

from ._split import MultiTaskStratifiedKFold

__all__ = ["MultiTaskStratifiedKFold"]
