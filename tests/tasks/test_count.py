import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.special import xlogy
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score, mean_absolute_error, mean_poisson_deviance

from sklearn_mtl.tasks import Count

NAN = float("nan")
RNG = np.random.default_rng(0)
Y = RNG.poisson([3.0, 900.0], size=(30, 2)).astype(float)
RATES = np.column_stack([RNG.uniform(1, 5, 30), RNG.uniform(800, 1000, 30)])


def loss(task, output, y):
    target = torch.from_numpy(task.encode(y).target)
    return task.elementwise_loss(output, target)


def outputs_for(task, rates):
    return torch.from_numpy(np.log(rates / task.mean_))


def test_loss_is_half_the_deviance_in_units_of_the_mean():
    task = Count().fit(Y)
    expected = (xlogy(Y, Y / RATES) - Y + RATES) / Y.mean(axis=0)
    np.testing.assert_allclose(loss(task, outputs_for(task, RATES), Y), expected, atol=1e-12)
    by_column = loss(task, outputs_for(task, RATES), Y).mean(dim=0) * torch.from_numpy(Y.mean(axis=0))
    for column in range(2):
        half = mean_poisson_deviance(Y[:, column], RATES[:, column]) / 2
        assert float(by_column[column]) == pytest.approx(half)


@settings(deadline=None)
@given(st.floats(0, 1e6), st.floats(1e-3, 1e6))
def test_the_unit_of_counts_does_not_matter(count, unit):
    y = np.array([count, 1.0, 2.0])
    output = torch.tensor([[0.3], [0.0], [-2.0]], dtype=torch.float64)
    expected = loss(Count().fit(y), output, y)
    torch.testing.assert_close(loss(Count().fit(unit * y), output, unit * y), expected)


def test_training_starts_from_the_mean():
    task = Count().fit(Y, np.arange(30.0))
    expected = np.average(Y, axis=0, weights=np.arange(30.0))
    np.testing.assert_allclose(task.decode(np.zeros((1, 2)))[0], expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_slopes_are_finite_for_any_output(dtype):
    task = Count().fit(np.array([0.0, 1.0, 1e6]))
    target = torch.from_numpy(task.encode(np.array([0.0, 1.0, 1e6] * 4)).target).to(dtype)
    output = torch.tensor([-1e5, -90.0, 90.0, 1e5], dtype=dtype).repeat_interleave(3)[:, None].requires_grad_()
    value = task.elementwise_loss(output, target)
    (slope,) = torch.autograd.grad(value.sum(), output)
    assert torch.isfinite(value).all()
    assert torch.isfinite(slope).all()
    assert (value >= 0).all()
    rates = task.decode(output.detach().numpy())
    assert np.isfinite(rates).all()
    assert (rates > 0).all()


def test_rates_that_are_far_too_large_are_pulled_down():
    task = Count().fit(np.array([1.0, 3.0]))
    output = torch.tensor([[12.0], [50.0], [1000.0]], dtype=torch.float64, requires_grad=True)
    value = task.elementwise_loss(output, torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64))
    (slope,) = torch.autograd.grad(value.sum(), output)
    assert (slope > 1e4).all()


@settings(deadline=None)
@example(0.0, 10.0)  # where the loss becomes linear
@given(st.floats(0, 1e3), st.floats(-20, 20))
def test_the_loss_has_no_jump_and_no_kink(target, output):
    task = Count().fit(np.array([1.0]))
    points = torch.tensor([[output], [output + 1e-6]], dtype=torch.float64, requires_grad=True)
    value = task.elementwise_loss(points, torch.full((2, 1), target, dtype=torch.float64))
    (slope,) = torch.autograd.grad(value.sum(), points)
    rise = float((value[1] - value[0]).detach()) / 1e-6
    assert rise == pytest.approx(float(slope[0]), rel=1e-3, abs=1e-3 * (1 + abs(target)))
    assert slope[1] >= slope[0] - 1e-9  # convex


def test_a_linear_model_learns_what_that_of_scikit_learn_does():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = rng.poisson(np.exp(X @ [0.5, -0.3, 0.1] + 2)).astype(float)
    task = Count().fit(y)
    linear = torch.nn.Linear(3, 1, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(linear.parameters(), max_iter=200, line_search_fn="strong_wolfe",
                                  tolerance_grad=1e-12, tolerance_change=1e-14)  # fmt: skip
    inputs, target = torch.from_numpy(X), torch.from_numpy(task.encode(y).target)

    def closure():
        optimizer.zero_grad()
        value = task.elementwise_loss(linear(inputs), target).mean()
        value.backward()
        return value

    optimizer.step(closure)
    expected = PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000).fit(X, y).predict(X)
    np.testing.assert_allclose(task.decode(linear(inputs).detach().numpy()), expected, rtol=1e-5)


def test_an_ensemble_averages_rates():
    task = Count().fit(Y)
    members = np.random.default_rng(0).normal(size=(3, 5, 2))
    expected = np.mean([task.decode(output) for output in members], axis=0)
    np.testing.assert_allclose(task.decode(task.average(members)), expected)


def test_predictions_have_as_many_columns_as_the_target():
    assert Count().fit(Y[:, 0]).decode(np.zeros((4, 1))).shape == (4,)
    assert Count().fit(Y[:, :1]).decode(np.zeros((4, 1))).shape == (4, 1)


def test_a_column_of_zeros_can_be_learned():
    task = Count().fit(np.zeros(4))
    assert task.mean_.tolist() == [1]
    assert torch.isfinite(loss(task, torch.zeros(4, 1), np.zeros(4))).all()


def test_all_counts_share_one_call_of_the_loss():
    assert Count().fit(Y).fusion_key() == Count().fit(Y[:, 0]).fusion_key() is not None


# -- scores


@pytest.mark.parametrize("weight", [None, RNG.random(30)])
def test_metrics_are_those_of_scikit_learn(weight):
    metrics = Count().fit(Y).metrics(Y, RATES, weight)

    def mean(metric, **params):
        return np.mean([metric(Y[:, i], RATES[:, i], sample_weight=weight, **params) for i in (0, 1)])

    assert metrics == pytest.approx(
        {
            "d2_poisson": mean(d2_tweedie_score, power=1),
            "neg_mean_poisson_deviance": -mean(mean_poisson_deviance),
            "neg_mean_absolute_error": -mean(mean_absolute_error),
        }
    )


def test_columns_without_two_labels_are_left_out_of_the_mean():
    y = Y.copy()
    y[1:, 1] = NAN
    expected = d2_tweedie_score(Y[:, 0], RATES[:, 0], power=1)
    assert Count().fit(Y).score(y, RATES) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("true", "pred", "expected"),
    [([2, 2], [2, 2], 1), ([2, 2], [1, 3], 0), ([0, 0], [0, 0], 1), ([0, 0], [1, 0], 0), ([0, 1], [0, 1], 1)],
)
def test_scores_where_nothing_varies_or_a_rate_is_zero(true, pred, expected):
    task = Count().fit(np.array([0.0, 1.0, 2.0]))
    assert task.score(np.array(true, float), np.array(pred, float)) == pytest.approx(expected)


# -- errors


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, -1.0], "counts must be at least 0, got -1"),
        ([1.0, np.inf], "infinity"),
        (["a", "b"], "counts must be numbers, got dtype"),
        (np.array([1, "a"], dtype=object), "counts must be numbers"),
        ([[1.0, NAN], [2.0, NAN]], "all labels are missing"),
    ],
)
def test_bad_counts_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        Count().fit(np.asarray(y))


def test_numbers_that_are_not_whole_are_taken():
    y = np.array([0.5, 1.5, None, True], dtype=object)
    assert Count().fit(y).mean_.tolist() == [1]
    assert Count().fit(y).encode(y).weight[:, 0].tolist() == [1, 1, 0, 1]


def test_another_number_of_columns_is_refused():
    with pytest.raises(ValueError, match="the target has 1 columns, fit had 2"):
        Count().fit(Y).encode(Y[:, 0])


def test_one_row_has_an_error_and_no_d2():
    metrics = Count().fit(np.array([1, 2, 4])).metrics(np.array([2]), np.array([3.0]))
    assert np.isnan(metrics["d2_poisson"])
    assert metrics["neg_mean_absolute_error"] == -1
