"""An adaptive softmax is a softmax: what a step and `predict` compute equals what all probabilities say."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from torch.nn.functional import cross_entropy

from sklearn_mtl import MultiTaskNetEstimator, Optimizer, Targets, load_model, save_model
from sklearn_mtl.architectures import TaskGraph
from sklearn_mtl.export import to_onnx
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.nn._adaptive import AdaptiveOutputs, AdaptiveSoftmax, cutoffs
from sklearn_mtl.tasks import Classification
from sklearn_mtl.trunks import MLP
from tests._helpers import assert_same

N, K = 400, 40
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 4))
# few classes are frequent, and their names are not in the order of their frequency
CODES = np.minimum(np.exp(1.6 * np.abs(X[:, 0])).astype(int), K - 1)
CODES[-K:] = np.arange(K)
LABELS = np.array([f"c{(7 * code) % K:02d}" for code in CODES], dtype=object)
LABELS[:20] = None
Y = Targets(word=LABELS, number=X[:, 1], other=X[:, 2], kind=(X[:, 3] > 0).astype(int))
WEIGHT = np.where(np.arange(N) < 50, 0.0, rng.random(N))


def net(softmax="adaptive", **params):
    given = {"trunk": MLP((32,)), "n_members": 1, "max_epochs": 3, "dtype": "float64", "random_state": 0}
    params.setdefault("tasks", {"word": Classification(softmax=softmax)})
    return MultiTaskNetEstimator(**{**given, **params})


@pytest.fixture
def only_what_is_needed(monkeypatch):
    """Fail if the probabilities of all classes are computed."""

    def refuse(self):
        raise AssertionError("all classes were computed")

    monkeypatch.setattr(AdaptiveOutputs, "all", property(refuse))


def head(n_classes=K, width=16):
    order = np.random.default_rng(1).permutation(n_classes)
    return AdaptiveSoftmax(width, order, torch.Generator().manual_seed(0)).double(), order


def test_probabilities_are_those_of_the_groups():
    """A class of a tail has the probability of its group times that in the group (Grave et al., 2017)."""
    module, order = head()
    x = torch.randn(5, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    probabilities = module(x).all.exp()
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(5, dtype=torch.float64))
    ends = [*cutoffs(K, 16), K]
    first = torch.softmax(module.softmax.head(x), dim=1)
    torch.testing.assert_close(probabilities[:, order[: ends[0]]], first[:, : ends[0]])
    for number, (tail, start, end) in enumerate(zip(module.softmax.tail, ends, ends[1:], strict=False)):
        inside = torch.softmax(tail(x), dim=1) * first[:, [ends[0] + number]]
        torch.testing.assert_close(probabilities[:, order[start:end]], inside)


def test_loss_and_its_gradient_are_those_of_all_classes():
    module, _ = head()
    x = torch.randn(30, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    target = torch.arange(30) % K
    outputs = module(x)
    torch.testing.assert_close(outputs.loss(target)[:, 0], cross_entropy(outputs.all, target, reduction="none"))
    fast = torch.autograd.grad(module(x).loss(target).sum(), [x, *module.parameters()])
    slow = torch.autograd.grad(cross_entropy(module(x).all, target, reduction="sum"), [x, *module.parameters()])
    for one, other in zip(fast, slow, strict=True):
        torch.testing.assert_close(one, other)


def test_best_class_is_the_most_probable_one():
    module, _ = head()
    outputs = module(torch.randn(200, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    best, value = outputs.best().T
    assert torch.equal(best.long(), outputs.all.argmax(dim=1))
    torch.testing.assert_close(value, outputs.all.amax(dim=1))


@pytest.mark.parametrize(("n_classes", "width"), [(16, 64), (100_000, 128), (1_000, 16), (1_000, 3)])
def test_groups_are_not_empty(n_classes, width):
    ends = [0, *cutoffs(n_classes, width), n_classes]
    assert len(ends) >= 3
    assert (np.diff(ends) > 0).all()
    module, _ = head(n_classes, width)
    assert module(torch.zeros(2, width, dtype=torch.float64)).all.exp().sum().item() == pytest.approx(2)


def test_frequent_classes_come_first():
    task = Classification(softmax="adaptive").fit(LABELS)
    counts = [(label == LABELS).sum() for label in task.classes_[task.order_]]
    assert counts == sorted(counts, reverse=True)
    weighted = Classification(softmax="adaptive").fit(LABELS, np.where(LABELS == "c06", 99.0, 0.01))
    assert weighted.classes_[weighted.order_[0]] == "c06"


@pytest.mark.parametrize("params", [{}, {"architecture": "mmoe"}, {"task_sampling": "round_robin"}], ids=str)
def test_fit_predict_and_score_do_not_compute_all_classes(params, only_what_is_needed):
    fitted = net(**params).fit(X, Y, sample_weight=WEIGHT)
    assert np.isfinite(fitted.history_[["valid_loss__word", "valid_score__word"]]).all(axis=None)
    assert set(fitted.predict(X)["word"]) <= set(fitted.classes_["word"])
    assert 0 <= fitted.score_tasks(X, Y)["word"] <= 1


def test_predictions_are_the_most_probable_classes():
    fitted = net(max_epochs=10).fit(X, Y)
    proba = fitted.predict_proba(X)["word"]
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.predict(X)["word"], fitted.classes_["word"][proba.argmax(axis=1)])
    assert_same(fitted.predict_all(X).labels, fitted.predict(X))


def test_validation_loss_is_that_of_the_probabilities():
    fitted = net(max_epochs=1).fit(X, Y, X_val=X[30:90], y_val=Y[30:90])
    proba = fitted.predict_proba(X[30:90])["word"]
    codes = np.searchsorted(fitted.classes_["word"], LABELS[30:90].astype(str))
    loss = -np.log(proba[np.arange(60), codes]).mean()
    assert fitted.history_["valid_loss__word"].iloc[-1] == pytest.approx(loss, rel=1e-9)
    right = (fitted.predict(X[30:90])["word"] == LABELS[30:90]).mean()
    assert fitted.history_["valid_score__word"].iloc[-1] == pytest.approx(right)


def test_fit_learns_what_the_full_softmax_learns():
    adaptive, full = (
        net(s, max_epochs=15, learning_rate=2e-2).fit(X, Y).score_tasks(X, Y) for s in ("adaptive", "full")
    )
    assert adaptive["word"] > 0.5
    assert adaptive["word"] > full["word"] - 0.1
    assert adaptive["number"] > 0.9


def test_model_is_stored(tmp_path):
    fitted = net().fit(X, Y)
    save_model(fitted, tmp_path / "model")
    for copy in (load_model(tmp_path / "model"), pickle.loads(pickle.dumps(fitted))):
        assert_same(copy.predict(X), fitted.predict(X))
        assert_same(copy.predict_proba(X), fitted.predict_proba(X))
    fitted.set_params(warm_start=True).fit(X, Y)
    assert fitted.n_iter_ == 6


def test_classes_of_partial_fit():
    classes = {"word": sorted({label for label in LABELS if label})}
    fitted = net().partial_fit(X[:100], Y[:100], classes=classes).partial_fit(X[100:], Y[100:])
    assert fitted.predict_proba(X)["word"].shape == (N, K)


def test_searches_fit_one_by_one():
    grid = {"task_weights__word": [0.5, 1.0]}
    found = [
        search(net(max_epochs=1), grid, cv=2).fit(X[20:], Y[20:]).cv_results_["mean_test_score"]
        for search in (GridSearchCV, TaskWeightSearchCV)
    ]
    np.testing.assert_allclose(*found)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"loss": "focal"}, "loss='focal' needs the outputs of all classes"),
        ({"label_smoothing": 0.1}, "label_smoothing=0.1 needs the outputs of all classes"),
        ({"loss": cross_entropy}, "needs the outputs of all classes"),
        ({"softmax": "sampled"}, "softmax"),
    ],
)
def test_task_that_needs_all_classes_is_refused(task, message):
    with pytest.raises(ValueError, match=message):
        net(tasks={"word": Classification(**{"softmax": "adaptive", **task})}).fit(X, Y)


def test_few_classes_and_probabilities_are_refused():
    with pytest.raises(ValueError, match="task 'kind': softmax='adaptive': 2 classes have no use for it"):
        net(tasks={"kind": Classification(softmax="adaptive")}).fit(X, Y)
    with pytest.raises(ValueError, match="the target has probabilities of all classes"):
        net(tasks={"soft": Classification(softmax="adaptive")}).fit(X, {"soft": np.full((N, K), 1 / K)})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_members": 2}, "an ensemble averages the outputs of all classes; pass n_members=1"),
        ({"n_members": 2, "ensemble": "batch"}, "pass n_members=1"),
        ({"n_members": "auto", "trunk": "auto"}, "pass n_members=1"),
        ({"penalties": ["trace_norm"]}, "compare linear heads"),
        ({"label_inputs": True}, "label_inputs=True reads the labels of all classes"),
        ({"architecture": TaskGraph({"number": ["word"]})}, "passes outputs of tasks on"),
        ({"optimizer": Optimizer(mixed_precision=True)}, "computed in one precision"),
        ({"metrics": {"word": "f1_macro"}}, "metrics=.* are computed for all classes"),
    ],
    ids=str,
)
def test_fit_that_needs_all_classes_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        net(**params).fit(X, Y)


def test_export_is_refused():
    with pytest.raises(TypeError, match="task 'word': softmax='adaptive'"):
        to_onnx(net(dtype="float32").fit(X, Y))
