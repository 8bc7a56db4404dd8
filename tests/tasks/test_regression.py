import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import HuberRegressor
from sklearn.metrics import (
    d2_pinball_score,
    mean_absolute_error,
    mean_pinball_loss,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)

from sklearn_mtl.tasks import Regression

NAN = float("nan")
Y = np.random.default_rng(0).normal(50, 10, size=(30, 2))
PREDICTED = Y + np.random.default_rng(1).normal(0, 5, size=Y.shape)


def loss(task, output, y):
    target = torch.from_numpy(task.encode(y).target)
    return task.elementwise_loss(torch.from_numpy(output), target).numpy()


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("squared_error", mean_squared_error),
        ("absolute_error", mean_absolute_error),
        ("quantile", lambda y, p: mean_pinball_loss(y, p, alpha=0.7)),
    ],
)
def test_loss_is_that_of_scikit_learn(name, reference):
    task = Regression(loss=name, quantile=0.7, standardize=False).fit(Y[:, 0])
    assert loss(task, PREDICTED[:, :1], Y[:, 0]).mean() == pytest.approx(reference(Y[:, 0], PREDICTED[:, 0]))


def test_huber_is_quadratic_inside_and_linear_beyond():
    task = Regression(loss="huber", epsilon=2.0, standardize=False).fit(Y[:, 0])
    errors = np.array([0.0, 1, -2, 3, -10])[:, None]
    np.testing.assert_allclose(loss(task, errors, np.zeros(5))[:, 0], [0, 0.5, 2, 2 * (3 - 1), 2 * (10 - 1)])


def test_huber_turns_where_that_of_scikit_learn_does():
    assert Regression().epsilon == HuberRegressor().epsilon


def test_median_is_the_quantile_of_one_half():
    median, absolute = Regression(loss="quantile").fit(Y), Regression(loss="absolute_error").fit(Y)
    np.testing.assert_allclose(2 * loss(median, PREDICTED, Y), loss(absolute, PREDICTED, Y))


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.8])
def test_constant_with_the_smallest_loss_is_the_quantile(quantile):
    y = np.arange(101.0)
    task = Regression(loss="quantile", quantile=quantile).fit(y)
    losses = [loss(task, np.full((101, 1), (c - task.mean_) / task.scale_), y).mean() for c in y]
    assert y[np.argmin(losses)] == pytest.approx(np.quantile(y, quantile))


# -- units


columns = arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(1, 3)), elements=st.floats(-1e6, 1e6))


@given(columns)
def test_any_numbers_round_trip(y):
    task = Regression().fit(y)
    np.testing.assert_allclose(task.decode(task.encode(y).target), y, rtol=1e-9, atol=1e-6)


def test_target_is_standardised_column_by_column():
    task = Regression().fit(Y * [1, 1000])
    target = task.encode(Y * [1, 1000]).target
    np.testing.assert_allclose(target.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(target.std(axis=0), 1)


@given(st.floats(0.001, 1000), st.floats(-1000, 1000))
def test_units_of_the_target_do_not_matter(scale, shift):
    task, other = Regression().fit(Y), Regression().fit(scale * Y + shift)
    np.testing.assert_allclose(other.encode(scale * Y + shift).target, task.encode(Y).target, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(other.decode(PREDICTED), scale * task.decode(PREDICTED) + shift, rtol=1e-6)


def test_each_column_is_scaled_by_its_own_labelled_rows():
    y = Y.copy()
    y[:10, 0] = NAN
    y[20:, 1] = NAN
    task = Regression().fit(y)
    np.testing.assert_allclose(task.mean_, [Y[10:, 0].mean(), Y[:20, 1].mean()])
    np.testing.assert_allclose(task.scale_, [Y[10:, 0].std(), Y[:20, 1].std()])


def test_a_constant_target_is_learned_as_it_is():
    task = Regression().fit(np.full(5, 7.0))
    assert task.encode(np.full(5, 7.0)).target.tolist() == [[0]] * 5
    assert task.decode(np.zeros((2, 1))).tolist() == [7, 7]


@pytest.mark.parametrize("y", [Y[:, 0], Y[:, :1], Y])
def test_predictions_have_the_dimensions_of_the_target(y):
    task = Regression().fit(y)
    assert task.decode(np.zeros((4, task.n_outputs_))).shape == (4, *y.shape[1:])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_are_float64(dtype):
    assert Regression().fit(Y).decode(np.zeros((4, 2), dtype=dtype)).dtype == np.float64


@pytest.mark.parametrize(
    "y",
    [[1, 2, 4], [True, False, True], np.array([1, 2.5, None], dtype=object), np.array([1, 2], dtype=np.float16)],
)
def test_numbers_of_any_dtype_are_taken(y):
    y = np.asarray(y)
    numbers = np.array([NAN if value is None else float(value) for value in y])
    np.testing.assert_allclose(
        Regression().fit(y).encode(y).target, Regression().fit(numbers).encode(numbers).target
    )


# -- errors


@pytest.mark.parametrize(
    ("task", "y", "message"),
    [
        (Regression(), ["a", "b"], "must be numbers"),
        (Regression(), np.array(["1", 2], dtype=object), "must be numbers"),
        (Regression(), [1 + 2j], "must be numbers"),
        (Regression(), np.array(["2020-01-01"], dtype="M8[D]"), "must be numbers"),
        (Regression(), [1.0, np.inf], "infinity"),
        (Regression(), [[1.0, NAN], [2.0, NAN]], "all labels are missing"),
        (Regression(loss="cubic"), [1.0], "loss"),
        (Regression(quantile=1.0), [1.0], "quantile"),
        (Regression(epsilon=0.0), [1.0], "epsilon"),
        (Regression(standardize="yes"), [1.0], "standardize"),
    ],
)
def test_bad_targets_and_parameters_are_refused(task, y, message):
    with pytest.raises(ValueError, match=message):
        task.fit(np.asarray(y))


def test_another_number_of_columns_is_refused():
    with pytest.raises(ValueError, match="2 columns, fit had 1"):
        Regression().fit(Y[:, 0]).encode(Y)


# -- fusion


@pytest.mark.parametrize(
    "other",
    [Regression(loss="huber"), Regression(loss="quantile"), Regression(loss="quantile", quantile=0.1),
     Regression(loss="huber", epsilon=2.0)],
)  # fmt: skip
def test_other_losses_are_not_fused(other):
    assert other.fusion_key() not in {Regression().fusion_key(), Regression(loss="absolute_error").fusion_key()}
    assert other.fusion_key() == type(other)(**other.get_params()).fusion_key()


# -- scores


def test_metrics_are_those_of_scikit_learn():
    weight = np.linspace(1, 2, len(Y))
    metrics = Regression().fit(Y).metrics(Y, PREDICTED, weight)
    expected = {
        "r2": r2_score(Y, PREDICTED, sample_weight=weight),
        "neg_mean_absolute_error": -mean_absolute_error(Y, PREDICTED, sample_weight=weight),
        "neg_root_mean_squared_error": -root_mean_squared_error(Y, PREDICTED, sample_weight=weight),
    }
    assert metrics == pytest.approx(expected)


def test_a_quantile_is_scored_by_its_pinball_loss():
    task = Regression(loss="quantile", quantile=0.9).fit(Y[:, 0])
    expected = d2_pinball_score(Y[:, 0], PREDICTED[:, 0], alpha=0.9)
    assert task.score(Y[:, 0], PREDICTED[:, 0]) == pytest.approx(expected)
    assert task.metrics(Y[:, 0], PREDICTED[:, 0])["d2_pinball"] == pytest.approx(expected)


def test_columns_without_two_labels_are_left_out_of_the_mean():
    y = Y.copy()
    y[1:, 1] = NAN
    assert Regression().fit(Y).score(y, PREDICTED) == pytest.approx(r2_score(Y[:, 0], PREDICTED[:, 0]))


def test_one_row_has_an_error_and_no_r2():
    metrics = Regression().fit(np.arange(4.0)).metrics(np.array([1.5]), np.array([3.0]))
    assert np.isnan(metrics["r2"])
    assert metrics["neg_mean_absolute_error"] == metrics["neg_root_mean_squared_error"] == -1.5
