"""A function of the user's own as the loss of a task."""

import functools
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch.nn import functional

from sklearn_mtl import MultiTaskNetEstimator, Targets, load_model, save_model
from sklearn_mtl.exceptions import ModelFileError
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.tasks import Classification, Regression, SequenceTagging, group_tasks
from sklearn_mtl.tasks._own_loss import apply_loss
from sklearn_mtl.training._members import structure_key

from .._helpers import as_member, net

RNG = np.random.default_rng(0)
ROWS = 60
X = RNG.normal(size=(ROWS, 3))


# -- functions that do what the losses of the package do, and others


def squared(output, target):
    return (output - target).square()


def absolute(output, target):
    return (output - target).abs()


def huber(output, target, epsilon=1.35):
    return functional.huber_loss(output, target, reduction="none", delta=epsilon)


def pinball(output, target, q=0.2):
    return torch.maximum(q * (target - output), (q - 1) * (target - output))


def binary(output, target):
    return functional.binary_cross_entropy_with_logits(output, target, reduction="none")


def cross_entropy(output, target):
    return -functional.log_softmax(output, dim=-1).gather(-1, target)


def soft_cross_entropy(output, target):
    return -(functional.log_softmax(output, dim=-1) * target).sum(dim=-1, keepdim=True)


def squared_for_rows_only(output, target):
    assert output.dim() == 2
    return (output - target).square()


def over_columns(output, target):
    """Depends on the other columns of the row."""
    error = (output - target).square()
    return error + 0.5 * error.mean(dim=-1, keepdim=True)


def over_members(output, target):
    """Takes leading axes, but mixes up what does not belong together."""
    return (output - target).square() * output.detach().square().mean().add(1)


def logarithmic(output, target):
    return (torch.log1p(output.square()) - target.log()).square()


class Scaled:
    """A loss with parameters and a text that does not tell them."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, output, target):
        return self.factor * (output - target).square()

    def __repr__(self):
        return "Scaled()"


NUMBER = np.where(np.arange(ROWS) % 5 == 0, np.nan, X[:, 0] * 3 + 100)
COLUMNS = np.column_stack([NUMBER, np.where(np.arange(ROWS) % 7 == 0, np.nan, X[:, 1])])
SIGN = np.where(np.arange(ROWS) % 5 == 1, None, np.where(X[:, 1] > 0, "up", "down").astype(object))
KIND = np.where(np.arange(ROWS) % 5 == 2, None, np.array(list("abc"), dtype=object)[X.argmax(1)])
SOFT = np.column_stack([RNG.dirichlet([1, 1, 1], ROWS)])
Y = Targets(number=NUMBER, columns=COLUMNS, sign=SIGN, kind=KIND, soft=SOFT)
OWN = {
    "number": Regression(loss=huber),
    "columns": Regression(loss=squared),
    "sign": Classification(loss=binary, class_weight="balanced"),
    "kind": Classification(loss=cross_entropy),
    "soft": Classification(loss=soft_cross_entropy),
}
BUILT_IN = {
    "number": Regression(loss="huber"),
    "columns": Regression(),
    "sign": Classification(class_weight="balanced"),
    "kind": Classification(),
    "soft": Classification(),
}
PARAMS = {"max_epochs": 4, "dtype": "float64"}


def assert_same_fits(own, built_in, rows=X):
    for name, expected in built_in.history_.items():
        if name != "dur":
            np.testing.assert_allclose(own.history_[name], expected, rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(own.transform(rows), built_in.transform(rows), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"n_members": 3},
        {"n_members": 2, "ensemble": "batch"},
        {"early_stopping": "per_task"},
        {"weighting": "famo"},
    ],
    ids=str,
)
def test_the_same_function_gives_the_same_fit(params):
    weight = {name: RNG.integers(0, 3, ROWS) for name in Y}
    own, built_in = (
        net(tasks=tasks, **PARAMS, **params).fit(X, Y, sample_weight=weight) for tasks in (OWN, BUILT_IN)
    )
    assert_same_fits(own, built_in)


@pytest.mark.parametrize(
    "y",
    [
        {"number": NUMBER, "sign": SIGN},
        pd.DataFrame({"number": NUMBER, "sign": SIGN}),
        pl.DataFrame({"number": np.where(np.isnan(NUMBER), None, NUMBER).tolist(), "sign": SIGN.tolist()}),
        np.array(list(zip(NUMBER, SIGN, strict=True)), dtype=[("number", float), ("sign", object)]),
    ],
    ids=["mapping", "pandas", "polars", "structured"],
)
def test_every_container_of_y(y):
    own, built_in = (
        net(tasks={name: tasks[name] for name in ("number", "sign")}, **PARAMS).fit(X, y)
        for tasks in (OWN, BUILT_IN)
    )
    assert_same_fits(own, built_in)


@pytest.mark.parametrize("loss", [squared, squared_for_rows_only, over_members, over_columns, pinball])
def test_members_of_a_stack_have_the_loss_of_separate_fits(loss):
    y = Targets(columns=COLUMNS)
    tasks = {"columns": Regression(loss=loss)}
    both = net(tasks=tasks, n_members=2, early_stopping=False, **PARAMS).fit(X, y)
    seeds = both._model.blueprint.member_seeds
    alone = [net(tasks=tasks, random_state=s, early_stopping=False, **PARAMS).fit(X, y) for s in seeds]
    np.testing.assert_allclose(
        both.predict(X)["columns"], np.mean([one.predict(X)["columns"] for one in alone], axis=0), rtol=1e-6
    )


def test_a_trial_finds_which_functions_take_members():
    takes = {
        loss: Regression(loss=loss).fit(COLUMNS).stacks_
        for loss in (squared, over_columns, squared_for_rows_only, over_members)
    }
    assert takes == {squared: True, over_columns: True, squared_for_rows_only: False, over_members: False}
    assert all(task.fit(Y[name]).stacks_ for name, task in OWN.items())


def test_member_by_member_is_the_same():
    outputs, target = torch.randn(2, 3, 5, 4), torch.randn(5, 4)
    torch.testing.assert_close(apply_loss(squared, outputs, target, False), squared(outputs, target))
    torch.testing.assert_close(apply_loss(squared, outputs, target[None, None], True), squared(outputs, target))


def test_functions_are_not_computed_together():
    same = Regression(loss=squared).fit(NUMBER), Regression(loss=squared).fit(COLUMNS)
    assert len(group_tasks({"a": same[0], "b": same[1]})) == 2
    signs = Classification(loss=binary).fit(SIGN)
    assert len(group_tasks({"a": signs, "b": signs})) == 2


def test_missing_labels_are_masked_even_where_the_loss_is_undefined():
    """The logarithm of the number that stands for a missing label would be infinite, and its gradient NaN."""
    y = np.where(np.arange(ROWS) % 3 == 0, np.nan, np.exp(X[:, 0]))
    task = Regression(loss=logarithmic, standardize=False)
    learned = net(tasks={"y": task}, max_epochs=30, learning_rate=0.02).fit(X, Targets(y=y))
    assert np.isfinite(learned.predict(X)["y"]).all()


def mean(output, target):
    return (output - target).square().mean()


def by_numpy(output, target):
    return torch.from_numpy((output.detach().numpy() - target.numpy()) ** 2)


def root(output, target):
    return (output - target).sqrt()


def steep(output, target):
    return (output * 0).sqrt() + target


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (mean, ValueError, r"returned shape \(\), expected the loss of each element, \(8, 1\).*reduction='none'"),
        (functional.mse_loss, ValueError, r"returned shape \(\).*reduction='none'"),
        (torch.nn.MSELoss, ValueError, "MSELoss.*failed"),
        (lambda output: output, ValueError, "failed for outputs of shape .*: TypeError"),
        (lambda output, target: 0.0, ValueError, "returned float, expected a tensor"),
        (lambda output, target: output[..., :0], ValueError, r"returned shape \(8, 0\)"),
        (by_numpy, ValueError, "do not depend on the outputs"),
        (root, ValueError, "losses that are NaN or infinite"),
        (steep, ValueError, "gradients that are NaN or infinite"),
        ("mse", ValueError, "'loss' parameter of Regression"),
    ],
)
def test_what_is_no_loss_is_refused_with_the_name_of_the_task(loss, error, message):
    with pytest.raises(error, match=f"(?s)task 'mass': .*{message}"):
        net(tasks={"mass": Regression(loss=loss)}).fit(X, Targets(mass=NUMBER))


def test_classes_are_tried_too():
    with pytest.raises(ValueError, match=r"task 'kind': .*returned shape \(8, 3\), expected .*\(8, 1\)"):
        net(tasks={"kind": Classification(loss=squared)}).fit(X, Targets(kind=KIND))
    with pytest.raises(ValueError, match=r"task 'kind': label_smoothing=0\.1 has no effect on loss="):
        net(tasks={"kind": Classification(loss=cross_entropy, label_smoothing=0.1)}).fit(X, Targets(kind=KIND))


def test_tokens_have_no_losses_of_ones_own():
    with pytest.raises(ValueError, match="'loss' parameter of SequenceTagging"):
        SequenceTagging(loss=cross_entropy).fit(np.array([["a", "b"]] * 4))


def test_partial_fit_knows_the_classes_only():
    learned = net(tasks={"kind": Classification(loss=cross_entropy)})
    learned.partial_fit(X, {"kind": np.full(ROWS, None)}, classes={"kind": ["a", "b", "c"]})
    learned.partial_fit(X, {"kind": KIND})
    assert set(learned.predict(X)["kind"]) <= set("abc")


def test_random_states_stay_as_they_are():
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    Regression(loss=squared).fit(NUMBER)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


# -- clones, searches, files


def test_clones_and_pickles_keep_the_function():
    learned = net(tasks={"number": OWN["number"]}, **PARAMS).fit(X, Targets(number=NUMBER))
    assert clone(learned).tasks["number"].loss is huber
    again = pickle.loads(pickle.dumps(learned))
    np.testing.assert_array_equal(again.predict(X)["number"], learned.predict(X)["number"])


def test_a_search_over_losses():
    y = {"number": X[:, 0], "sign": SIGN}
    base = MultiTaskNetEstimator(tasks={"number": Regression()}, max_epochs=2, random_state=0, n_members=1)
    grid = {"tasks__number__loss": [squared, absolute, functools.partial(huber, epsilon=0.5), "squared_error"]}
    search = GridSearchCV(base, grid, cv=2).fit(X, Targets(y))
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert scores[0] == pytest.approx(scores[3], rel=1e-3)
    assert len({*scores[1:].round(6)}) == 3


@pytest.mark.parametrize("loss", [squared, squared_for_rows_only, Scaled(2.0)])
def test_a_stacked_search_gives_the_scores_of_separate_fits(loss):
    base = net(tasks={"columns": Regression(loss=loss)}, dtype="float64", max_epochs=3)
    grid = {"task_weights": [{"columns": 1.0}, {"columns": 2.0}]}
    y = Targets(columns=COLUMNS, kind=KIND)
    stacked, alone = (
        TaskWeightSearchCV(base, grid, cv=2, stacked=how, refit=False).fit(X, y) for how in (True, False)
    )
    np.testing.assert_allclose(
        stacked.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"], rtol=1e-6
    )
    assert all(entry["stacked"] for entry in stacked.stack_report_)


@pytest.mark.parametrize(
    ("one", "other", "are_alike"),
    [
        (squared, squared, True),
        (squared, absolute, False),
        (Scaled(1.0), Scaled(2.0), False),
        (functools.partial(huber, epsilon=1.0), functools.partial(huber, epsilon=2.0), False),
        (functools.partial(Scaled(1.0)), functools.partial(Scaled(2.0)), False),
    ],
    ids=["one function", "two functions", "objects", "arguments", "arguments of objects"],
)
def test_fits_of_different_functions_are_not_stacked(one, other, are_alike):
    members = [
        as_member(net(tasks={"number": Regression(loss=loss)}), X, Targets(number=NUMBER)) for loss in (one, other)
    ]
    assert (structure_key(members[0]) == structure_key(members[1])) is are_alike


def test_a_saved_function_is_loaded_where_it_is_trusted(tmp_path):
    learned = net(tasks=OWN, **PARAMS).fit(X, Y)
    save_model(learned, tmp_path / "model")
    with pytest.raises(ModelFileError, match=r"pass trusted=\["):
        load_model(tmp_path / "model")
    trusted = [huber, squared, binary, cross_entropy, soft_cross_entropy]
    again = load_model(tmp_path / "model", trusted=trusted)
    np.testing.assert_array_equal(again.predict(X)["number"], learned.predict(X)["number"])
    assert again.tasks["number"].loss is huber


def test_a_function_without_a_name_is_not_saved(tmp_path):
    learned = net(tasks={"number": Regression(loss=lambda o, t: (o - t).square())}).fit(X, Targets(number=NUMBER))
    with pytest.raises(TypeError, match="no importable name"):
        save_model(learned, tmp_path / "model")
