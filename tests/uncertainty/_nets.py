"""Networks that are fitted to made data within a second."""

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.tasks import Count
from sklearn_mtl.trunks import MLP


def net(**params):
    """Make an ensemble whose members hold out rows."""
    defaults = {
        "tasks": {"eggs": Count()},
        "trunk": MLP((8,)),
        "n_members": 4,
        "max_epochs": 6,
        "early_stopping": True,
        "random_state": 0,
    }
    return MultiTaskNetEstimator(**{**defaults, **params})
