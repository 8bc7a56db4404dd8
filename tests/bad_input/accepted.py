"""What is accepted, with a warning."""

import tempfile

import numpy as np
from sklearn.base import clone
from skorch.callbacks import GradientNormClipping

from sklearn_mtl.exceptions import SingleClassWarning

from .._helpers import inputs
from .case import MISSING, BadInput, N, fit, fitted_on_frame, float_columns, frame, labels, with_params


def resume_with_callbacks():
    with tempfile.TemporaryDirectory() as folder:
        estimator = fit(max_epochs=2, checkpoint=folder, schedule="constant")
        longer = clone(estimator).set_params(max_epochs=4, callbacks=[GradientNormClipping()])
        longer.fit(inputs(N), labels(), resume=True)


WARNED = [
    BadInput(
        "all labels of a task are of one class",
        lambda: fit(y=labels(kind=["a"] * N)),
        SingleClassWarning,
        "task 'kind' has labels of one class only, 'a'",
    ),
    BadInput(
        "all numbers of a column are missing",
        lambda: fit(X=float_columns(b=MISSING)),
        UserWarning,
        r"all numbers of the columns \['b'\] of X are missing in fit; they are ignored",
    ),
    BadInput(
        "batch_size is larger than the number of rows",
        with_params(batch_size=1000),
        UserWarning,
        "batch_size=1000 is larger than the number of rows; 24 is used",
    ),
    BadInput(
        "an array at predict after a frame",
        lambda: fitted_on_frame().predict(np.asarray(frame())),
        UserWarning,
        "X does not have valid feature names",
    ),
    BadInput(
        "a frame at predict after an array",
        lambda: fit(X=np.asarray(frame())).predict(frame()),
        UserWarning,
        "X has feature names",
    ),
    BadInput(
        "callbacks of a fit that goes on from a checkpoint",
        resume_with_callbacks,
        UserWarning,
        "continues after epoch 2, but a checkpoint does not hold the state of callbacks",
    ),
]
