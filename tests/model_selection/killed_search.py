"""A search whose process dies in the middle, for test_journal.py to start in a process of its own."""

import os
import signal
import uuid
from pathlib import Path

from sklearn.model_selection import KFold

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.trunks import MLP

from .._helpers import inputs, mixed_targets

# Where the fits are written down, and after how many the process is killed; set by the environment, because
# parameters would be part of what the journal recognises a fit by.
FITS = "FOLDER_OF_FITS"
LAST = "KILLED_AFTER"


class Counted(MultiTaskNetEstimator):
    """Writes a file for every fit, and kills its process when there have been enough."""

    def fit(self, X, y=None, sample_weight=None, targets=None):
        done = list(Path(os.environ[FITS]).iterdir())
        if len(done) == int(os.environ.get(LAST, 10**6)):
            os.kill(os.getpid(), signal.SIGKILL)
        super().fit(X, y, sample_weight, targets)
        name = f"{self.task_weights}_{len(X)}_{X.sum()}_{uuid.uuid4().hex}"
        (Path(os.environ[FITS]) / name).touch()
        return self


def search(journal, **options):
    X = inputs(60)
    y = mixed_targets(X, missing=0.1)
    estimator = Counted(trunk=MLP((8,)), max_epochs=3, early_stopping=False, random_state=0)
    grid = {"task_weights__mass": [0.1, 1.0, 2.0, 5.0]}
    return TaskWeightSearchCV(estimator, grid, cv=KFold(3), journal=journal, **options).fit(X, y)
