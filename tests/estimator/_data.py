"""Rows, targets and a callback that the tests of the estimator share, and the comparison of raw outputs."""

import numpy as np
from skorch.callbacks import Callback

from .._helpers import inputs

X = inputs()
N = len(X)
SPECIES = np.array(["ape", "bee", "cat"])[np.digitize(X[:, 0], [-0.5, 0.5])]
MASS = 100 + 20 * X[:, 1]
SICK = (X[:, 2] > 0).astype(int)


def outputs(estimator, rows=X):
    """Give the raw outputs of all tasks."""
    return estimator._model.outputs(rows, estimator.task_names_, estimator._fitted_view())


def assert_close(a, b, tolerance=1e-10):
    assert list(a) == list(b)
    for name, values in a.items():
        np.testing.assert_allclose(values, b[name], rtol=tolerance, atol=tolerance, err_msg=name)


def labels_of_sets():
    labels = np.empty(N, dtype=object)
    for row in range(N):
        labels[row] = {name for name, value in zip("abc", X[row, :3], strict=True) if value > 0}
    return labels


class RateRecorder(Callback):
    """Keep the learning rate of each step."""

    def initialize(self):
        self.rates_ = []
        return self

    def on_batch_end(self, net, **kwargs):
        self.rates_.append(net.optimizer_.param_groups[0]["lr"])


def table(n_rows=N, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "size": rng.normal(size=n_rows),
        "colour": rng.choice(["red", "green", "blue"], size=n_rows).tolist(),
        "age": rng.integers(0, 9, size=n_rows),
    }


COLOURS = np.array([{"red": 0.5, "green": 5.5, "blue": 10.5}[colour] for colour in table()["colour"]])
