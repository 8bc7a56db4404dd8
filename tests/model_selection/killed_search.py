"""A search whose process dies in the middle; test_journal.py starts it in a separate process."""

import os
import signal
import uuid
from pathlib import Path

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline

from sklearn_mtl.model_selection import TaskWeightSearchCV

from .._helpers import inputs, mixed_targets, net

# Number of fits after which the process is killed. It is not a parameter, because parameters are part of the
# digest of a fit.
KILLED_AFTER = "SEARCH_IS_KILLED_AFTER"


class Count(TransformerMixin, BaseEstimator):
    """First step of a pipeline: writes a file for every fit, and does not change X."""

    def __init__(self, folder=None):
        self.folder = folder

    def fit(self, X, y=None):
        if len(list(Path(self.folder).iterdir())) == int(os.environ.get(KILLED_AFTER, -1)):
            os.kill(os.getpid(), signal.SIGKILL)
        (Path(self.folder) / f"{X.sum()}_{uuid.uuid4().hex}").touch()
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X


def counted(fits, **params):
    return Pipeline([("count", Count(str(fits))), ("net", net(**params))])


def search(journal, fits, **options):
    X = inputs(60)
    grid = {"net__task_weights__mass": [0.1, 1.0, 2.0, 5.0]}
    search = TaskWeightSearchCV(counted(fits), grid, cv=KFold(3), stacked=False, journal=journal, **options)
    return search.fit(X, mixed_targets(X, missing=0.1))
