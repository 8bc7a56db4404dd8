"""Learning from rows without labels."""

from ._self_training import SelfTrainingMultiTask

__all__ = ["SelfTrainingMultiTask"]
