"""A table with names and categories that architectures are built for."""

import numpy as np
import pandas as pd

from sklearn_mtl.testing import _architecture

ROWS = _architecture.ROWS
X = pd.DataFrame(np.random.default_rng(0).normal(size=(ROWS, 3)), columns=list("abc")).assign(d=list("uvwuvwuvw"))


def fitted_trunk():
    """Fit a small trunk to the table; return it with the encoded inputs."""
    return _architecture.fitted_trunk(X)
