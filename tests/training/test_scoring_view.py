"""Arguments of scoring callbacks: the estimator after the epoch, and rows in their original form."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.metrics import make_scorer, mean_absolute_error
from skorch.callbacks import BatchScoring, EpochScoring

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, Targets
from sklearn_mtl.trunks import SequenceEncoder
from tests._helpers import inputs, mixed_targets, net

X = inputs(80)
Y = 50 + 3 * X[:, 0]
TARGETS = mixed_targets(X)


def small(*callbacks, **params):
    return net(**{"early_stopping": True, "callbacks": list(callbacks), "batch_size": 32, **params})


def own_score(net, X, y):
    return net.score(X, y)


def plus(name, **params):
    return EpochScoring(own_score, lower_is_better=False, name=name, **params)


@pytest.mark.parametrize("use_caching", [True, False])
@pytest.mark.parametrize("scoring", ["r2", None, own_score])
def test_validation_rows_are_scored_as_by_the_estimator(scoring, use_caching):
    columns = small(EpochScoring(scoring, name="s", use_caching=use_caching)).fit(X, Y).history_
    np.testing.assert_allclose(columns["s"], columns["valid_score"])


def test_training_rows_are_scored_after_the_epoch():
    model = small(plus("s", on_train=True), early_stopping=False).fit(X, Y)
    assert model.history_["s"].iloc[-1] == pytest.approx(model.score(X, Y))


def test_errors_are_in_the_units_of_the_user():
    model = small(
        EpochScoring(make_scorer(mean_absolute_error), on_train=True, name="mae"),
        EpochScoring(mean_absolute_error, on_train=True),
        early_stopping=False,
    ).fit(X, Y)
    error = mean_absolute_error(Y, model.predict(X))
    last = model.history_.iloc[-1]
    assert (last["mae"], last["mean_absolute_error"]) == (pytest.approx(error), pytest.approx(error))


def test_probabilities_are_scored():
    labels = np.where(X[:, 0] > 0, "high", "low")
    model = MultiTaskNetClassifier(
        early_stopping=True, max_epochs=3, random_state=0,
        callbacks=[EpochScoring("accuracy"), EpochScoring("neg_log_loss"), EpochScoring("roc_auc")],
    ).fit(X, labels)  # fmt: skip
    np.testing.assert_allclose(model.history_["accuracy"], model.history_["valid_score"])
    np.testing.assert_allclose(model.history_["neg_log_loss"], -model.history_["valid_loss"], rtol=1e-5)
    assert model.history_["roc_auc"].between(0, 1).all()


def test_rows_without_a_label_are_left_out():
    y = np.where(np.arange(80) % 3 == 0, np.nan, Y)
    columns = small(EpochScoring("r2"), BatchScoring("r2", name="by batch")).fit(X, y).history_
    np.testing.assert_allclose(columns["r2"], columns["valid_score"])
    np.testing.assert_allclose(columns["by batch"], columns["valid_score"])


@pytest.mark.parametrize(
    ("rows", "y"),
    [
        (pd.DataFrame(X, columns=list("abcd")), pd.Series(Y)),
        (X, np.column_stack([Y, -Y])),
        (X, pd.DataFrame({"a": Y, "b": -Y})),
        (X, Targets(a=Y, b=np.where(X[:, 1] > 0, "u", "v"))),
        (X, TARGETS),
        (scipy.sparse.csr_matrix(X), Y),
        ({"one": X, "two": X[:, :2]}, {"a": Y}),
    ],
    ids=["frame", "matrix", "targets frame", "targets", "every kind", "sparse", "mapping"],
)
def test_rows_are_of_the_kind_that_fit_got(rows, y):
    kinds = set()

    def score(net, X, y):
        kinds.add((type(X), type(y), type(net)))
        assert type(net.predict(X)) is type(y)
        assert len(net.history)
        assert not net.module_.training
        return net.score(X, y)

    trunk = {"trunk": "auto"} if isinstance(rows, dict) else {}
    model = MultiTaskNetEstimator(
        early_stopping=True, max_epochs=2, random_state=0, callbacks=[EpochScoring(score, name="s")], **trunk
    ).fit(rows, y)
    np.testing.assert_allclose(model.history_["s"], model.history_["valid_score"])
    assert len(kinds) == 1
    if not isinstance(rows, dict):
        assert next(iter(kinds))[0] is type(rows)


def test_tokens_are_scored():
    rng = np.random.default_rng(0)
    texts = [rng.choice(["a", "b", "c"], size=size).tolist() for size in rng.integers(1, 5, size=60)]
    y = {"tags": [["B-x" if word == "a" else "O" for word in text] for text in texts], "n": Y[:60]}
    model = MultiTaskNetEstimator(
        trunk=SequenceEncoder(), early_stopping=True, max_epochs=2, random_state=0,
        callbacks=[plus("s"), BatchScoring(own_score, name="b"), BatchScoring(own_score, on_train=True, name="t")],
    ).fit(texts, y)  # fmt: skip
    for column in ("s", "b"):
        np.testing.assert_allclose(model.history_[column], model.history_["valid_score"], rtol=1e-6)
    assert np.isfinite(model.history_["t"]).all()


def test_batches_are_scored_by_the_outputs_of_their_step():
    """Before the first step of one batch, the mean squared error is that of the epoch's training loss."""
    one = small(
        BatchScoring("neg_mean_squared_error", on_train=True, name="before"),
        BatchScoring("neg_mean_squared_error", on_train=True, name="after", use_caching=False),
        batch_size=80, early_stopping=False, max_epochs=2,
    ).fit(X, Y)  # fmt: skip
    before, after = -one.history_["before"].to_numpy(), -one.history_["after"].to_numpy()
    np.testing.assert_allclose(
        before / before[0], one.history_["train_loss"] / one.history_["train_loss"].iloc[0], rtol=1e-5
    )
    np.testing.assert_allclose(after[0], before[1], rtol=1e-5)  # what one step has made is what the next one sees


def test_function_may_read_batches_from_the_history():
    def of_batches(net, X=None, y=None):
        losses = net.history[-1, "batches", :, "valid_loss"]
        return float(np.average(losses, weights=net.history[-1, "batches", :, "valid_batch_size"]))

    columns = small(EpochScoring(of_batches, name="s")).fit(X, Y).history_
    np.testing.assert_allclose(columns["s"], columns["valid_loss"], rtol=1e-5)


def test_a_task_that_is_added_is_scored_alone():
    model = small(EpochScoring("r2")).fit(X, Y).add_task("more", X, -Y)
    np.testing.assert_allclose(model.history_["r2"], model.history_["valid_score"])


def test_partial_fit_scores_training_rows():
    model = (
        small(EpochScoring("r2", on_train=True, name="s"), EpochScoring("r2")).partial_fit(X, Y).partial_fit(X, Y)
    )
    assert model.history_["s"].iloc[-1] == pytest.approx(model.score(X, Y))
    assert "r2" not in model.history_  # it has no validation rows


def test_scoring_changes_no_fit():
    scored = small(plus("s"), plus("t", on_train=True), BatchScoring(own_score, on_train=True, name="b"))
    np.testing.assert_array_equal(scored.fit(X, Y).predict(X), small().fit(X, Y).predict(X))


# -- errors of what cannot be scored


def test_no_validation_rows_is_a_warning():
    with pytest.warns(UserWarning, match="EpochScoring 'r2' scores validation rows, but none are held out"):
        small(EpochScoring("r2"), early_stopping=False).fit(X, Y)


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ("r2", r"EpochScoring\(scoring='r2'\) failed for the tasks \['species'.*A function scoring\(net, X, y\)"),
        (lambda net, X, y: {"a": 1.0}, "it returned dict instead of a number"),
    ],
)
def test_scoring_that_does_not_fit_the_tasks_is_refused(scoring, message):
    with pytest.raises(ValueError, match=message):
        small(EpochScoring(scoring, name="s")).fit(X, TARGETS)


def test_error_of_an_own_function_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        small(EpochScoring(lambda net, X, y: 1 / 0, name="s")).fit(X, Y)
