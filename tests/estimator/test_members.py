"""An ensemble of separate networks works with every option, and its members equal single fits."""

import pickle

import numpy as np
import pytest
import scipy.sparse
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import EpochScoring, LRScheduler
from torch import nn

from sklearn_mtl import EarlyStopping, MultiTaskNetEstimator, Optimizer, Targets, load_model, save_model
from sklearn_mtl.architectures import HardSharing, TaskGraph
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.tasks import Segmentation
from sklearn_mtl.trunks import MLP, ConvNet, MultiInput, SequenceEncoder, VideoEncoder

from .._helpers import assert_same

N = 40
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(N, 5))
IMAGES = RNG.integers(0, 255, (N, 8, 8)).astype(np.uint8)
VIDEOS = RNG.integers(0, 255, (N, 3, 8, 8, 1)).astype(np.uint8)
SENTENCES = [[f"w{RNG.integers(12)}" for _ in range(RNG.integers(1, 7))] for _ in range(N)]
MISSING = RNG.random(N) < 0.2
Y = Targets(
    kind=np.array(["ape", "bee", "cat"], dtype=object)[TABLE[:, :3].argmax(axis=1)],
    mass=np.where(MISSING, np.nan, 3 + TABLE[:, 3]),
    two=(TABLE[:, 4] > 0).astype(int),
)
TAGS = np.empty(N, dtype=object)
TAGS[:] = [[RNG.choice(["O", "B-x", "I-x"]) for _ in sentence] for sentence in SENTENCES]
TAGGED = Targets(two=Y["two"], tags=TAGS)
SMALL = MLP((6,), scaling="standard")


class Foreign(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        self.norm, self.layer = nn.BatchNorm1d(in_features), nn.Linear(in_features, 4)

    def forward(self, x):
        return torch.relu(self.layer(self.norm(x)))


def ensemble(**params):
    defaults = {
        "n_members": 3, "dtype": "float64", "max_epochs": 3, "batch_size": 16, "random_state": 0, "trunk": SMALL,
        "early_stopping": False, "optimizer": Optimizer(schedule="constant"), "learning_rate": 0.01,
    }  # fmt: skip
    return MultiTaskNetEstimator(**(defaults | params))


#: parameters, X and y; float64 and 1e-8 as everywhere in this file
OPTIONS = {
    "defaults": ({}, TABLE, Y),
    "dropout": ({"trunk": MLP((6,), dropout=0.3)}, TABLE, Y),
    "sparse rows": ({}, scipy.sparse.csr_matrix(np.where(TABLE > 0, TABLE, 0)), Y),
    "images": ({"trunk": ConvNet((4,)), "tasks": {"mask": Segmentation()}}, IMAGES, Targets(
        kind=Y["kind"], mask=RNG.integers(0, 2, (N, 8, 8)))),
    "videos": ({"trunk": VideoEncoder(ConvNet((4,)))}, VIDEOS, Y),
    "convolutions of tokens": ({"trunk": SequenceEncoder(encoder="convolutional")}, SENTENCES, TAGGED),
    "recurrent": ({"trunk": SequenceEncoder(encoder="recurrent")}, SENTENCES, TAGGED),
    "transformer": ({"trunk": SequenceEncoder(encoder="transformer")}, SENTENCES, TAGGED),
    "several inputs": ({"trunk": MultiInput()}, {"table": TABLE, "words": SENTENCES}, Y),
    "module": ({"trunk": Foreign}, TABLE, Y),
    **{f"architecture {name}": ({"architecture": name}, TABLE, Y) for name in (
        "independent", "cross_stitch", "subspace_sharing", "mmoe", "ple", "adatt")},
    "towers": ({"architecture": HardSharing(tower_sizes=(4,), bypass_sizes=(3,))}, TABLE, Y),
    "graph": ({"architecture": TaskGraph({"mass": ["two"]})}, TABLE, Y),
    **{f"weighting {name}": ({"weighting": name}, TABLE, Y) for name in (
        "uncertainty", "geometric_mean", "dynamic_weight_average", "random_weighting", "stch", "famo", "grad_norm",
        "pcgrad", "cagrad", "imtlg", "aligned_mtl", "nash_mtl", "mgda", "upgrad")},
    "gradients at the trunk": ({"weighting": "mgda", "architecture": "mmoe"}, TABLE, Y),
    **{f"sampling {name}": ({"task_sampling": name}, TABLE, Y) for name in (
        "proportional", "temperature", "round_robin", "loss_driven")},
    **{f"penalty {name}": ({"penalties": [name]}, TABLE, Y) for name in (
        "trace_norm", "group_lasso", "orthogonality", "representation_dropout")},
    "schedule of a callback": ({"callbacks": [LRScheduler("StepLR", step_size=1)]}, TABLE, Y),
    "cosine": ({"optimizer": Optimizer(schedule="cosine")}, TABLE, Y),
    "sgd": ({"optimizer": "sgd", "net_params": {"optimizer__momentum": 0.9}}, TABLE, Y),
    "class of an optimizer": ({"optimizer": Optimizer(torch.optim.RMSprop, schedule="constant")}, TABLE, Y),
    "clipping": ({"optimizer": Optimizer(schedule="constant", clip_norm=0.05)}, TABLE, Y),
    "weight 0": ({"task_weights": {"mass": 0.0}}, TABLE, Y),
    "weights": ({"task_weights": {"mass": 3.0}, "score_weights": {"two": 0.0}}, TABLE, Y),
}  # fmt: skip
CASES = pytest.mark.parametrize(("params", "X", "y"), OPTIONS.values(), ids=OPTIONS)


def numbers_of(predictions):
    """Return what can be compared as numbers: probabilities, or predicted numbers."""
    return {name: values for name, values in predictions.items() if np.asarray(values).dtype.kind == "f"}


def assert_close(one, other):
    assert list(one) == list(other)
    for name, values in one.items():
        np.testing.assert_allclose(values, other[name], rtol=0, atol=1e-8)


def singles(estimator, X, y):
    """Fit one network with the seed of each member."""
    params = {"n_members": 1, "callbacks": estimator.callbacks}
    return [
        clone(estimator).set_params(**params, random_state=int(seed)).fit(X, y) for seed in estimator.member_seeds_
    ]


def outputs(estimator, X):
    """Return the probabilities and numbers of an estimator, of every task for which they can be averaged."""
    rows = estimator.predict_proba(X) if estimator.predict_proba is not None else {}
    return {**{k: v for k, v in rows.items() if k != "tags"}, **numbers_of(estimator.predict(X))}


@pytest.mark.slow
@CASES
def test_members_equal_single_fits_with_their_seeds(params, X, y):
    fitted = ensemble(**params).fit(X, y)
    alone = [outputs(single, X) for single in singles(fitted, X, y)]
    together = outputs(fitted, X)
    if "mask" in y:  # of pixels the logarithms are averaged
        alone = [{k: v for k, v in rows.items() if k != "mask"} for rows in alone]
        together.pop("mask", None)
    assert together
    assert_close(together, {name: np.mean([rows[name] for rows in alone], axis=0) for name in together})


@pytest.mark.slow
@CASES
def test_ensembles_are_estimators_like_others(params, X, y, tmp_path):
    fitted = ensemble(**params, max_epochs=1).fit(X, y)
    assert np.isfinite(fitted.score(X, y))
    predicted = fitted.predict(X)
    assert_same(clone(fitted).fit(X, y).predict(X), predicted)
    assert_same(pickle.loads(pickle.dumps(fitted)).predict(X), predicted)
    if not (isinstance(params.get("trunk"), type) or "callbacks" in params):  # files do not hold these
        save_model(fitted, tmp_path / "model")
        assert_same(load_model(tmp_path / "model").predict(X), predicted)
    assert fitted.history_.groupby("member").size().tolist() == [1, 1, 1]
    assert (
        fitted.transform(X).shape[1] == 3 * clone(fitted).set_params(n_members=1).fit(X, y).transform(X).shape[1]
    )


@pytest.mark.parametrize("search", [GridSearchCV, TaskWeightSearchCV])
@pytest.mark.parametrize("name", ["defaults", "recurrent", "sampling round_robin", "weighting mgda"])
def test_searches_over_ensembles(search, name):
    params, X, y = OPTIONS[name]
    weights = {"task_weights__two": [0.5, 2.0]}
    fitted = search(ensemble(**params, max_epochs=1), weights, cv=2, error_score="raise").fit(
        np.array(X, dtype=object) if isinstance(X, list) else X, y
    )
    assert np.isfinite(fitted.cv_results_["mean_test_score"]).all()


ONE_BY_ONE = {"stacked": {}, "one by one": {"task_sampling": "round_robin"}}


@pytest.mark.parametrize("params", ONE_BY_ONE.values(), ids=ONE_BY_ONE)
def test_portions(params):
    fitted = ensemble(**params)
    for _ in range(3):
        fitted.partial_fit(TABLE, Y)
    assert fitted.n_iter_ == 3
    alone = []
    for seed in fitted.member_seeds_:
        single = clone(fitted).set_params(n_members=1, random_state=int(seed))
        for _ in range(3):
            single.partial_fit(TABLE, Y)
        alone.append(single.predict(TABLE)["mass"])
    np.testing.assert_allclose(fitted.predict(TABLE)["mass"], np.mean(alone, axis=0), atol=1e-8)


@pytest.mark.parametrize("params", ONE_BY_ONE.values(), ids=ONE_BY_ONE)
def test_warm_start(params):
    fitted = ensemble(**params, warm_start=True).fit(TABLE, Y).fit(TABLE, Y)
    assert fitted.n_iter_ == 6
    alone = [
        clone(fitted)
        .set_params(n_members=1, random_state=int(seed))
        .fit(TABLE, Y)
        .fit(TABLE, Y)
        .predict(TABLE)["mass"]
        for seed in fitted.member_seeds_
    ]
    np.testing.assert_allclose(fitted.predict(TABLE)["mass"], np.mean(alone, axis=0), atol=1e-8)


@pytest.mark.parametrize("freeze", [True, False])
@pytest.mark.parametrize("params", ONE_BY_ONE.values(), ids=ONE_BY_ONE)
def test_a_task_is_added(params, freeze, tmp_path):
    fitted = ensemble(**params).fit(TABLE, Y)
    before = fitted.predict(TABLE)
    fitted.add_task("more", TABLE, TABLE[:, 0] * 2, freeze=freeze)
    predicted = fitted.predict(TABLE)
    assert_same(predicted["kind"], before["kind"]) if freeze else None
    alone = []
    for seed in fitted.member_seeds_:
        single = clone(fitted).set_params(n_members=1, random_state=int(seed)).fit(TABLE, Y)
        alone.append(single.add_task("more", TABLE, TABLE[:, 0] * 2, freeze=freeze).predict(TABLE)["more"])
    np.testing.assert_allclose(predicted["more"], np.mean(alone, axis=0), atol=1e-8)
    save_model(fitted, tmp_path / "model")
    assert_same(load_model(tmp_path / "model").predict(TABLE), predicted)


@pytest.mark.parametrize("params", ONE_BY_ONE.values(), ids=ONE_BY_ONE)
def test_gates_of_members_and_their_mean(params):
    fitted = ensemble(**params, architecture="mmoe").fit(TABLE, Y)
    by_member = fitted.gate_weights(TABLE, by_member=True)
    assert by_member.columns.names == ["member", "task", "level", "expert"]
    assert set(by_member.columns.get_level_values("member")) == {0, 1, 2}
    expected = np.mean([by_member[member].to_numpy() for member in range(3)], axis=0)
    np.testing.assert_allclose(fitted.gate_weights(TABLE).to_numpy(), expected)
    single = clone(fitted).set_params(n_members=1, random_state=int(fitted.member_seeds_[1])).fit(TABLE, Y)
    np.testing.assert_allclose(by_member[1].to_numpy(), single.gate_weights(TABLE).to_numpy(), atol=1e-8)


@pytest.mark.parametrize("params", ONE_BY_ONE.values(), ids=ONE_BY_ONE)
def test_a_checkpoint_continues_an_ensemble(params, tmp_path):
    stops = {"early_stopping": EarlyStopping(True, n_iter_no_change=50), "validation": 0.3}
    uninterrupted = ensemble(**params, **stops, max_epochs=6).fit(TABLE, Y)
    ensemble(**params, **stops, max_epochs=3, checkpoint=tmp_path).fit(TABLE, Y)
    resumed = ensemble(**params, **stops, max_epochs=6, checkpoint=tmp_path).fit(TABLE, Y, resume=True)
    assert_same(resumed.predict(TABLE), uninterrupted.predict(TABLE))
    columns = [name for name in uninterrupted.history_ if name != "dur"]
    assert resumed.history_[columns].equals(uninterrupted.history_[columns])


@pytest.mark.parametrize("params", ONE_BY_ONE.values(), ids=ONE_BY_ONE)
@pytest.mark.parametrize("when", [True, "per_task"])
def test_members_stop_together(params, when):
    fitted = ensemble(
        **params,
        early_stopping=EarlyStopping(when, n_iter_no_change=2),
        validation=0.3,
        max_epochs=60,
        learning_rate=0.1,
    ).fit(TABLE, Y)
    assert fitted.n_iter_ < 60
    assert fitted.history_.groupby("epoch").size().eq(3).all()


@pytest.mark.parametrize("params", ONE_BY_ONE.values(), ids=ONE_BY_ONE)
def test_a_callback_scores_the_ensemble(params):
    def mass(net, X, y):
        return float(np.nanmean((net.predict(X)["mass"] - y["mass"]) ** 2))

    callback = EpochScoring(mass, lower_is_better=True, name="error", on_train=True)
    fitted = ensemble(**params, callbacks=[callback]).fit(TABLE, Y)
    assert fitted.net_.history[-1, "error"] == pytest.approx(mass(fitted, TABLE, Y))
