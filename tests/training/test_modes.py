"""The caller's torch modes do not change fits and predictions."""

import pickle
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import Parallel, delayed
from scipy.sparse import csr_matrix
from sklearn.base import clone
from torch import nn

from sklearn_mtl import DeepEnsemble, EarlyStopping, MultiTaskNetEstimator, Optimizer
from sklearn_mtl.architectures import TaskGraph
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model, mixed_targets
from ..utils.test_modes import MODES

ROWS = 24
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 4))
Y = mixed_targets(X, missing=0.1)
WORDS = np.array(["red", "green", "blue", "grey"])


def module(in_features):
    return nn.Sequential(nn.Linear(in_features, 6), nn.LayerNorm(6), nn.Dropout(0.2), nn.Tanh())


def plain_module(in_features):
    return nn.Linear(in_features, 5)


def frame():
    return pd.DataFrame(X, columns=list("abcd")).assign(colour=pd.Categorical(WORDS[RNG.integers(0, 4, ROWS)]))


def steps():
    return RNG.normal(size=(ROWS, 5, 3)).astype(np.float32)


INPUTS = {
    "table": (X, {"trunk": "auto"}),
    "frame": (frame(), {"trunk": "auto"}),
    "sparse": (csr_matrix(X), {"trunk": MLP((8,), dropout=0.1)}),
    "text": ([" ".join(WORDS[RNG.integers(0, 4, 1 + i % 4)]) for i in range(ROWS)], {"trunk": "sequence_encoder"}),
    "steps": (steps(), {"trunk": "auto"}),
    "images": (RNG.integers(0, 255, (ROWS, 8, 8), dtype=np.uint8), {"trunk": "auto"}),
    "module": (X, {"trunk": module}),
    "several": ({"table": X, "steps": steps()}, {"trunk": "auto"}),
}
ARCHITECTURES = ["independent", "subspace_sharing", "cross_stitch", "mmoe", "ple", "adatt"]
WEIGHTINGS = [
    "uncertainty", "geometric_mean", "dynamic_weight_average", "random_weighting", "famo", "stch", "grad_norm",
    "pcgrad", "cagrad", "imtlg", "aligned_mtl", "nash_mtl", "mgda", "upgrad",
]  # fmt: skip
TABLE = {"trunk": MLP((8, 6), dropout=0.2, scaling="squash")}
SPECS = {
    **{name: {"architecture": name} for name in ARCHITECTURES},
    "graph": {"architecture": TaskGraph({"mass": ["sick"]})},
    **{name: {"weighting": name} for name in WEIGHTINGS},
    "deep": {"n_members": 2, "ensemble": DeepEnsemble(bootstrap=True)},
    "batch": {"n_members": 2, "ensemble": "batch"},
    "module, deep": {"n_members": 2, "trunk": plain_module},
    "sampling": {"task_sampling": "loss_driven"},
    "penalties": {"penalties": ["trace_norm", "representation_dropout"]},
    "float64": {"dtype": "float64", "early_stopping": EarlyStopping(True, monitor="score")},
    "per task": {"early_stopping": "per_task", "optimizer": Optimizer(torch.optim.RMSprop, clip_norm=1.0)},
}  # fmt: skip


def life(X, params):
    """Fit, go on, add a task, predict, and load again; give all that was computed."""
    common = {"max_epochs": 1, "batch_size": 16, "random_state": 0, "early_stopping": False}
    net = MultiTaskNetEstimator(**{**common, **params}).fit(X, Y)
    computed = [net.predict(X), net.predict_proba(X), net.transform(X)]
    if params.get("n_members", 1) == 1:
        net.partial_fit(X, Y).add_task("more", X, Y["mass"])
    if hasattr(net, "gate_weights"):
        computed.append(net.gate_weights(X).to_numpy())
    return [*computed, net, pickle.loads(pickle.dumps(net)).predict(X)]


def assert_same_life(one, other):
    for a, b in zip(one, other, strict=True):
        if isinstance(a, MultiTaskNetEstimator):
            assert_same_model(a, b)
            assert not any(parameter.is_inference() for parameter in b.net_.module_.parameters())
        else:
            assert_same(a, b)


CASES = {
    **INPUTS,
    **{name: (X, {**TABLE, **params}) for name, params in SPECS.items()},
}  # fmt: skip


@contextmanager
def all_modes():
    """Everything at once that holds for a thread, and another default dtype."""
    with MODES["torch.float64"](), MODES["inference_mode"](), MODES["autocast"](), MODES["device"]():
        yield


@pytest.mark.parametrize("case", CASES)
def test_fits_and_predictions_are_the_same(case):
    rows, params = CASES[case]
    expected = life(rows, params)
    with all_modes():
        assert_same_life(expected, life(rows, params))


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_changes_nothing(mode):
    expected = life(X, {})
    with MODES[mode]():
        assert_same_life(expected, life(X, {}))


@contextmanager
def deterministic():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("mode", [deterministic, torch.autograd.detect_anomaly])
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("case", ["table", "text", "images", "pcgrad", "deep"])
def test_modes_of_the_process_change_nothing(case, mode):
    rows, params = CASES[case]
    expected = life(rows, params)
    with mode():
        assert_same_life(expected, life(rows, params))


def test_searches_are_the_same():
    def searched():
        net = MultiTaskNetEstimator(**TABLE, max_epochs=2, random_state=0)
        search = TaskWeightSearchCV(net, {"task_weights__mass": [0.5, 2.0]}, cv=2, stacked=True)
        return search.fit(X, Y).cv_results_["mean_test_score"], search.predict(X)

    expected = searched()
    with all_modes():
        found = searched()
    np.testing.assert_array_equal(found[0], expected[0])
    assert_same(found[1], expected[1])


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_compute_the_same(backend):
    net = MultiTaskNetEstimator(**TABLE, max_epochs=2, random_state=0)
    expected = clone(net).fit(X, Y).predict(X)
    with all_modes():
        found = Parallel(n_jobs=2, backend=backend)(delayed(clone(net).fit)(X, Y) for _ in range(2))
        predicted = [fitted.predict(X) for fitted in found]
    for one in predicted:
        assert_same(one, expected)
