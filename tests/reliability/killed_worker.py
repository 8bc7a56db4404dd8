"""A search one of whose workers dies in the middle."""

import os
import signal

from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline

from sklearn_mtl.model_selection import TaskWeightSearchCV

from ..model_selection.killed_search import Count
from ._fits import X, Y, small

# If set in the environment, a fit of the last candidate kills its process. It is not a parameter, because
# parameters are part of the digest of a fit.
KILLED = "WORKER_IS_KILLED"


class KillsItself(Count):
    """First step of a pipeline: counts the fits, and may end the process it runs in."""

    def __init__(self, folder=None, deadly=False):
        super().__init__(folder)
        self.deadly = deadly

    def fit(self, X, y=None):
        if self.deadly and KILLED in os.environ:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


def killed_worker(journal, fits, n_jobs=None):
    """Search over three candidates, of which the last kills its process."""
    pipeline = Pipeline([("count", KillsItself(str(fits))), ("net", small())])
    grid = [
        {"net__task_weights__mass": [0.1, 1.0]},
        {"net__task_weights__mass": [5.0], "count__deadly": [True]},
    ]
    search = TaskWeightSearchCV(
        pipeline, grid, cv=KFold(2), stacked=False, journal=journal, n_jobs=n_jobs, pre_dispatch=2
    )
    return search.fit(X, Y)
