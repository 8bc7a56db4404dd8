"""Losses whose outputs are the parameters of a distribution, or several quantiles."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from sklearn_mtl.tasks import Count, Regression
from sklearn_mtl.tasks._distributions._positive import FLOOR, raw_of_positive

RNG = np.random.default_rng(0)
Y = RNG.lognormal(1.0, 0.5, size=(30, 2))
TASKS = {
    **{loss: Regression(loss=loss) for loss in ("normal", "student_t", "laplace", "lognormal", "mixture")},
    "negative_binomial": Count(loss="negative_binomial"),
}


@pytest.mark.parametrize("name", TASKS)
def test_loss_is_the_negative_log_likelihood_of_scipy_plus_a_constant(name):
    y = np.floor(3 * Y) if name == "negative_binomial" else Y
    task = TASKS[name].fit(y)
    output = RNG.normal(size=(len(y), task.n_outputs_))
    loss = task.elementwise_loss(torch.from_numpy(output), torch.from_numpy(task.encode(y).target)).numpy()
    found = task.distribution(output[None])
    log_likelihood = found.logpmf(y) if found.is_discrete else found.logpdf(y)
    constant = loss + log_likelihood + (np.log(y) if name == "lognormal" else 0.0)
    np.testing.assert_allclose(constant, np.broadcast_to(constant[0], constant.shape), atol=1e-6)
    np.testing.assert_allclose(task.decode(output), found.mean(), rtol=1e-6)


def test_negative_binomial_has_the_likelihood_and_the_scores_of_statsmodels():
    models = pytest.importorskip("statsmodels.discrete.discrete_model", reason="statsmodels is not installed")
    rng = np.random.default_rng(1)
    exog = np.column_stack([np.ones(60), rng.normal(size=(60, 2))])
    beta, alpha = np.array([1.2, 0.4, -0.3]), 0.7
    log_rate = exog @ beta
    y = rng.negative_binomial(1 / alpha, 1 / (1 + alpha * np.exp(log_rate))).astype(float)
    reference, params = models.NegativeBinomial(y, exog, loglike_method="nb2"), np.append(beta, np.log(alpha))
    task = Count(loss="negative_binomial").fit(y)
    output = np.column_stack([log_rate - np.log(task.mean_), np.full(60, raw_of_positive(np.array(alpha)))])
    outputs = torch.from_numpy(output).requires_grad_()
    loss = task.elementwise_loss(outputs, torch.from_numpy(task.encode(y).target))
    (gradient,) = torch.autograd.grad(loss.sum(), outputs)
    np.testing.assert_allclose(-loss.detach().numpy()[:, 0], reference.loglikeobs(params), rtol=1e-9)
    np.testing.assert_allclose(task.distribution(output[None]).logpmf(y), reference.loglikeobs(params), rtol=1e-9)
    score = reference.score(params)  # by the coefficients, and by the logarithm of alpha
    np.testing.assert_allclose(-exog.T @ gradient[:, 0].numpy(), score[:-1], rtol=1e-6, atol=1e-9)
    by_alpha = -gradient[:, 1].sum().item() / -np.expm1(FLOOR - alpha)  # the derivative of alpha by the output
    np.testing.assert_allclose(by_alpha * alpha, score[-1], rtol=1e-6)


@pytest.mark.parametrize("name", TASKS)
def test_average_has_the_mean_and_variance_of_the_mixture(name):
    task = TASKS[name].fit(np.floor(3 * Y) if name == "negative_binomial" else Y)
    outputs = 0.3 * RNG.normal(size=(3, 8, task.n_outputs_))
    weights = np.array([0.2, 0.3, 0.5])
    mixture, one = task.distribution(outputs, weights), task.distribution(task.average(outputs, weights)[None])
    np.testing.assert_allclose(one.mean(), mixture.mean(), rtol=1e-6)
    np.testing.assert_allclose(one.std(), mixture.std(), rtol=1e-5)
    np.testing.assert_allclose(mixture.cdf(mixture.ppf(0.3)) >= 0.3 - 1e-9, True)


def test_gradient_of_normal_is_that_of_the_beta_nll():
    task = Regression(loss="normal").fit(Y[:, 0])
    target = torch.from_numpy(task.encode(Y[:, 0]).target)
    output = torch.from_numpy(RNG.normal(size=(len(Y), 2))).requires_grad_()
    (found,) = torch.autograd.grad(task.elementwise_loss(output, target).sum(), output)
    deviation = torch.from_numpy(task.distribution(output.detach().numpy()[None]).std() / task.scale_)
    own = torch.nn.functional.softplus(output[:, 1] + np.log(np.expm1(1 - 1e-3))) + 1e-3
    plain = -torch.distributions.Normal(output[:, 0], own).log_prob(target[:, 0]).sum()
    torch.testing.assert_close(found, torch.autograd.grad(plain, output)[0] * deviation[:, None])


def test_gradient_of_mixture_is_that_of_the_likelihood_times_the_mean_deviation():
    task = Regression(loss="mixture", n_components=4).fit(Y[:, 0])
    target = torch.from_numpy(task.encode(Y[:, 0]).target)
    output = torch.from_numpy(RNG.normal(size=(len(Y), 12))).requires_grad_()
    (found,) = torch.autograd.grad(task.elementwise_loss(output, target).sum(), output)
    logits, means, raw = output.reshape(-1, 3, 4).unbind(1)
    starts = torch.from_numpy(0.5 * stats.norm.ppf([0.125, 0.375, 0.625, 0.875]))
    deviations = torch.nn.functional.softplus(raw + np.log(np.expm1(1 - 1e-3))) + 1e-3
    shares = torch.distributions.Categorical(logits=logits)
    mixture = torch.distributions.MixtureSameFamily(shares, torch.distributions.Normal(means + starts, deviations))
    (plain,) = torch.autograd.grad(-mixture.log_prob(target[:, 0]).sum(), output)
    mean_deviation = (shares.probs * deviations).sum(dim=1, keepdim=True).detach()
    torch.testing.assert_close(found, plain * mean_deviation)


def test_second_derivatives_are_refused():
    task = Regression(loss="normal").fit(Y[:, 0])
    output = torch.zeros(3, 2, requires_grad=True)
    loss = task.elementwise_loss(output, torch.ones(3, 1)).sum()
    with pytest.raises(RuntimeError, match="second derivatives"):
        torch.autograd.grad(loss, output, create_graph=True)


def test_quantiles_do_not_cross_and_outside_is_refused():
    task = Regression(loss="quantile", quantile=[0.05, 0.5, 0.95]).fit(Y)
    outputs = 5 * RNG.normal(size=(2, 20, task.n_outputs_))
    found = task.quantiles(outputs, np.array([0.05, 0.2, 0.5, 0.7, 0.95]))
    assert (np.diff(found, axis=-1) >= 0).all()
    np.testing.assert_allclose(found[..., 2], task.decode(task.average(outputs)))
    with pytest.raises(ValueError, match="outside"):
        task.quantiles(outputs, np.array([0.01]))


LEVELS = [0.02, 0.1, 0.35, 0.6, 0.97]
OUTPUTS = arrays(np.float64, (2, 3, 2 * len(LEVELS)), elements=st.floats(-60, 60))


@settings(deadline=None, max_examples=30)
@given(OUTPUTS, st.lists(st.floats(0.02, 0.97), min_size=2, max_size=5))
def test_learned_quantiles_never_cross(outputs, levels):
    task = Regression(loss="quantile", quantile=LEVELS).fit(Y)
    found = task.quantiles(outputs, np.sort(levels), np.array([0.3, 0.7]))
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=-1) >= -1e-9).all()


@pytest.mark.parametrize("name", TASKS)
@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.1, 5), st.lists(st.floats(0.001, 0.999), min_size=2, max_size=4))
def test_quantiles_of_distributions_never_cross(name, seed, size, levels):
    task = TASKS[name].fit(np.floor(3 * Y) if name == "negative_binomial" else Y)
    outputs = size * np.random.default_rng(seed).normal(size=(2, 4, task.n_outputs_))
    found = task.quantiles(outputs, np.sort(levels))
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=-1) >= 0).all()


@settings(deadline=None, max_examples=30)
@given(st.floats(-30, 30), arrays(np.float64, 5, elements=st.floats(-20, 20)))
def test_loss_of_quantiles_is_the_mean_pinball_loss(target, output):
    task = Regression(loss="quantile", quantile=LEVELS, standardize=False).fit(Y[:, 0])
    loss = task.elementwise_loss(torch.from_numpy(output[None]), torch.tensor([[target]], dtype=torch.float64))
    error = target - task.quantiles(output[None, None], np.array(LEVELS))[0]
    assert float(loss) == pytest.approx(
        np.maximum(np.array(LEVELS) * error, (np.array(LEVELS) - 1) * error).mean()
    )


def test_levels_may_be_off_by_rounding():
    task = Regression(loss="quantile", quantile=[0.05, 0.95]).fit(Y)
    tail = (1 - 0.9) / 2
    assert tail < 0.05
    outputs = RNG.normal(size=(1, 4, task.n_outputs_))
    exact = task.quantiles(outputs, np.array([0.05, 0.95]))
    np.testing.assert_allclose(task.quantiles(outputs, np.array([tail, 1 - tail])), exact)


@pytest.mark.parametrize("name", TASKS)
def test_losses_are_finite_at_extreme_outputs_and_at_least_0(name):
    y = np.floor(3 * Y) if name == "negative_binomial" else Y
    task = TASKS[name].fit(y)
    target = torch.from_numpy(task.encode(y).target).float()
    for size in (1.0, 10.0, 30.0):
        output = torch.from_numpy(size * RNG.normal(size=(len(y), task.n_outputs_))).float().requires_grad_()
        loss = task.elementwise_loss(output, target)
        (slope,) = torch.autograd.grad(loss.sum(), output)
        assert torch.isfinite(loss).all()
        assert (loss >= 0).all()
        assert torch.isfinite(slope).all()


@pytest.mark.parametrize("name", ["student_t", "laplace", "negative_binomial", "quantile"])
def test_gradient_is_that_of_the_loss(name):
    y = np.floor(3 * Y) if name == "negative_binomial" else Y
    task = TASKS.get(name, Regression(loss="quantile", quantile=LEVELS)).fit(y)
    target = torch.from_numpy(task.encode(y).target)
    output = torch.from_numpy(RNG.normal(size=(len(y), task.n_outputs_))).requires_grad_()
    assert torch.autograd.gradcheck(lambda each: task.elementwise_loss(each, target), output)


@pytest.mark.parametrize("levels", [[], [0.5, 0.1], [0.0, 0.5], [0.5, 0.5]])
def test_levels_that_do_not_increase_are_refused(levels):
    with pytest.raises(ValueError, match="increasing"):
        Regression(loss="quantile", quantile=levels).fit(Y)


def test_lognormal_says_how_many_labels_are_not_positive():
    with pytest.raises(ValueError, match="2 of 4"):
        Regression(loss="lognormal").fit(np.array([1.0, 0.0, -1.0, 2.0, np.nan]))


def test_one_component_is_the_distribution_of_scipy():
    task = Regression(loss="normal").fit(Y[:, 0])
    found = task.distribution(np.zeros((1, 3, 2)))
    expected = stats.norm(Y[:, 0].mean(), Y[:, 0].std())
    np.testing.assert_allclose(found.ppf(0.9), expected.ppf(0.9))


@pytest.mark.parametrize("n_members", [1, 4])
def test_the_mean_of_a_lognormal_is_bounded_by_the_labels(n_members):
    labels = np.exp(np.random.RandomState(0).randn(50) * 2 + 1)
    task = Regression(loss="lognormal").fit(labels)
    most = labels.max() * np.exp(2 * np.log(labels).std())
    outputs = np.array([[[40.0, 3.0], [1e4, -5.0], [0.0, 50.0], [-1e4, 0.0]]] * n_members)
    found = task.distribution(outputs).mean()
    assert (found <= most * (1 + 1e-9)).all()
    assert (task.decode(task.average(outputs)) <= most * (1 + 1e-6)).all()
    ordinary = np.array([[[0.5, -1.0]]] * n_members)
    law = stats.norm(*_logs_of(task, 0.5, -1.0))
    np.testing.assert_allclose(task.distribution(ordinary).median(), np.exp(law.mean()))


def _logs_of(task, mean, raw):
    deviation = np.logaddexp(raw + np.log(np.expm1(1 - 1e-3)), 0) + 1e-3
    return task.mean_[0] + mean * task.scale_[0], deviation * task.scale_[0]


def test_a_larger_label_of_a_later_fit_raises_the_bound():
    task = Regression(loss="lognormal").fit(np.array([1.0, 2.0, 4.0]))
    assert task.with_labels_of(np.array([3.0, np.nan])) is task
    assert task.with_labels_of(np.array([100.0])).highest_[0] == pytest.approx(np.log(100.0))
    assert task.highest_[0] == pytest.approx(np.log(4.0))
