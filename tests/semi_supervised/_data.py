"""Small data with missing labels, and networks that learn it within a second."""

import numpy as np

from sklearn_mtl import Targets
from sklearn_mtl.semi_supervised import SelfTrainingMultiTask

from .._helpers import net

N_ROWS = 120


def inputs_of_two_classes(seed=0, n_rows=N_ROWS):
    """Make two clusters of rows; return the inputs and the class of each row."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n_rows) % 2
    return rng.normal(size=(n_rows, 3)) + 3.0 * kind[:, None], kind.astype(float)


def without(labels, every=5, start=0):
    """Remove all labels but every n-th one."""
    gone = labels.copy()
    gone[np.arange(len(labels)) % every != start] = None if labels.dtype == object else np.nan
    return gone


def clusters(seed=0, every=5):
    """Return X, y with missing classes, and y with all classes; pseudo-labels help."""
    X, kind = inputs_of_two_classes(seed)
    texts = np.array(["ape", "bee"], dtype=object)[kind.astype(int)]
    mass = 50.0 + 10.0 * X[:, 0]
    return X, Targets(kind=without(texts, every), mass=mass), Targets(kind=texts, mass=mass)


def learner(max_iter=1, n_folds=3, threshold=0.6, read_labels=False, **params):
    """Make a learner of a network that has few steps, so that more labels help it; it is its own teacher."""
    own = {name: params.pop(name) for name in ("margin", "pseudo_weight") if name in params}
    own["read_labels"] = read_labels
    estimator = net(**{"max_epochs": 6, "batch_size": 16, **params})
    return SelfTrainingMultiTask(estimator, max_iter=max_iter, n_folds=n_folds, threshold=threshold, **own)
