"""Scores of quantiles, intervals and distributions, against integrals, sums, scipy and scikit-learn."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from sklearn.metrics import mean_pinball_loss

from sklearn_mtl.metrics import crps, interval_coverage, interval_width, log_score, pinball_loss
from sklearn_mtl.tasks import PredictedDistribution

RNG = np.random.default_rng(0)
N = 6
Y = RNG.normal(size=N) * 2
POSITIVE = RNG.lognormal(size=N)
COUNTS = RNG.integers(0, 12, N).astype(float)
SCALE = RNG.uniform(0.2, 3.0, N)
CONTINUOUS = {
    "norm": (stats.norm, {"loc": RNG.normal(size=N), "scale": SCALE}, Y),
    "laplace": (stats.laplace, {"loc": RNG.normal(size=N), "scale": SCALE}, Y),
    "t": (stats.t, {"df": np.array([2.1, 2.5, 4.0, 6.0, 30.0, 100.0]), "loc": Y - 1, "scale": SCALE}, Y),
    "lognorm": (stats.lognorm, {"s": RNG.uniform(0.1, 1.2, N), "scale": SCALE}, POSITIVE),
}
NBINOM = {"n": np.array([0.05, 0.5, 1.0, 3.0, 40.0, 500.0]), "p": np.array([0.05, 0.2, 0.4, 0.6, 0.8, 0.99])}


def integral(law, y):
    """Integrate the definition, on both sides of the label."""
    low, high = law.support()
    left = quad(lambda x: law.cdf(x) ** 2, low, y, limit=200, epsabs=1e-11, epsrel=1e-10)[0]
    return left + quad(lambda x: law.sf(x) ** 2, y, high, limit=200, epsabs=1e-11, epsrel=1e-10)[0]


class Mixture:
    """The mixture of some distributions for one label, from its definition."""

    def __init__(self, laws, weights):
        self.laws, self.weights = laws, weights

    def support(self):
        return self.laws[0].support()

    def cdf(self, x):
        return sum(weight * law.cdf(x) for weight, law in zip(self.weights, self.laws, strict=True))

    def sf(self, x):
        return sum(weight * law.sf(x) for weight, law in zip(self.weights, self.laws, strict=True))


def each_of(distribution, y):
    """Score every label alone, with the others missing."""
    alone = np.where(np.eye(len(y), dtype=bool), y, np.nan)
    return [crps(row, distribution) for row in alone]


def row_of(law, arguments, row):
    return law(**{name: values[row] for name, values in arguments.items()})


@pytest.mark.parametrize("name", CONTINUOUS)
def test_closed_crps_is_the_integral(name):
    law, arguments, y = CONTINUOUS[name]
    expected = [integral(row_of(law, arguments, row), y[row]) for row in range(N)]
    np.testing.assert_allclose(each_of(law(**arguments), y), expected, rtol=1e-6)
    predicted = PredictedDistribution(law, {key: value[None] for key, value in arguments.items()}, np.ones((1, N)))
    np.testing.assert_allclose(predicted.crps(y), expected, rtol=1e-6)


def test_crps_of_a_label_of_zero_below_a_log_normal_distribution_is_finite():
    law = stats.lognorm(s=0.5, scale=2.0)
    np.testing.assert_allclose(crps([0.0], stats.lognorm(s=[0.5], scale=2.0)), integral(law, 0.0), rtol=1e-6)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_crps_of_a_mixture_is_the_integral(name):
    law, arguments, y = CONTINUOUS[name]
    weights = np.array([0.2, 0.5, 0.3])
    three = {key: np.stack([value, value[::-1], np.roll(value, 1)]) for key, value in arguments.items()}
    expected = [
        integral(
            Mixture([row_of(law, {k: v[j] for k, v in three.items()}, row) for j in range(3)], weights), y[row]
        )
        for row in range(N)
    ]
    found = PredictedDistribution(law, three, np.repeat(weights[:, None], N, axis=1))
    np.testing.assert_allclose(found.crps(y), expected, rtol=1e-6 if name == "norm" else 1e-3)


def test_crps_of_negative_binomial_is_the_sum():
    counts = np.arange(20_000)
    expected = [
        ((row_of(stats.nbinom, NBINOM, row).cdf(counts) - (COUNTS[row] <= counts)) ** 2).sum() for row in range(N)
    ]
    np.testing.assert_allclose(each_of(stats.nbinom(**NBINOM), COUNTS), expected, rtol=1e-6)
    one = {name: values[None] for name, values in NBINOM.items()}
    np.testing.assert_allclose(
        PredictedDistribution(stats.nbinom, one, np.ones((1, N))).crps(COUNTS), expected, rtol=1e-6
    )
    two = {name: np.stack([values[1:5], values[4:0:-1]]) for name, values in NBINOM.items()}
    found = PredictedDistribution(stats.nbinom, two, np.full((2, 4), 0.5)).crps(COUNTS[:4])
    cdf = sum(
        0.5 * stats.nbinom(n[:, None], p[:, None]).cdf(counts) for n, p in zip(two["n"], two["p"], strict=True)
    )
    np.testing.assert_allclose(found, ((cdf - (COUNTS[:4, None] <= counts)) ** 2).sum(axis=1), rtol=1e-6)


def test_crps_of_other_distributions_is_the_integral():
    arguments = {"a": np.array([0.7, 2.0, 9.0]), "scale": np.array([1.0, 3.0, 0.2])}
    expected = [integral(row_of(stats.gamma, arguments, row), POSITIVE[row]) for row in range(3)]
    np.testing.assert_allclose(each_of(stats.gamma(**arguments), POSITIVE[:3]), expected, rtol=1e-3)
    rates, counts = np.array([0.3, 4.0, 20.0]), np.arange(200)
    expected = [
        ((stats.poisson(rate).cdf(counts) - (y <= counts)) ** 2).sum()
        for rate, y in zip(rates, COUNTS[:3], strict=True)
    ]
    np.testing.assert_allclose(each_of(stats.poisson(rates), COUNTS[:3]), expected, rtol=1e-6)


def test_crps_is_smallest_for_the_true_distribution():
    y = np.random.default_rng(1).normal(size=2000)
    truth = crps(y, stats.norm(np.zeros(2000), 1.0))
    for loc, scale in ((0.3, 1.0), (0.0, 0.6), (0.0, 1.6)):
        assert truth < crps(y, stats.norm(np.full(2000, loc), scale))


def test_log_score_is_that_of_scipy():
    for law, arguments, y in CONTINUOUS.values():
        expected = -law(**arguments).logpdf(y).mean()
        assert log_score(y, law(**arguments)) == pytest.approx(expected)
        one = {name: values[None] for name, values in arguments.items()}
        assert log_score(y, PredictedDistribution(law, one, np.ones((1, N)))) == pytest.approx(expected)
    expected = -stats.nbinom(**NBINOM).logpmf(COUNTS).mean()
    assert log_score(COUNTS, stats.nbinom(**NBINOM)) == pytest.approx(expected)
    two = {"loc": np.stack([Y, Y + 1]), "scale": np.stack([SCALE, 2 * SCALE])}
    density = 0.25 * stats.norm.pdf(Y, Y, SCALE) + 0.75 * stats.norm.pdf(Y, Y + 1, 2 * SCALE)
    mixture = PredictedDistribution(stats.norm, two, np.repeat([[0.25], [0.75]], N, axis=1))
    assert log_score(Y, mixture) == pytest.approx(-np.log(density).mean())


def test_pinball_loss_is_that_of_scikit_learn():
    levels, pred, weight = [0.1, 0.5, 0.9], RNG.normal(size=(N, 3)), RNG.random(N)
    expected = [mean_pinball_loss(Y, pred[:, k], sample_weight=weight, alpha=q) for k, q in enumerate(levels)]
    assert pinball_loss(Y, pred, levels, weight) == pytest.approx(np.mean(expected))
    assert pinball_loss(Y, pred[:, :1], 0.1, weight) == pytest.approx(expected[0])
    columns = np.column_stack([Y, Y + 1])
    both = np.stack([pred, 2 * pred], axis=1)
    expected = [mean_pinball_loss(columns, both[..., k], alpha=q) for k, q in enumerate(levels)]
    assert pinball_loss(columns, both, levels) == pytest.approx(np.mean(expected))


def test_coverage_and_width_of_intervals():
    y = [0.0, 1.0, 2.0, 3.0]
    low, high = [0.0, 1.5, 0.0, 2.0], [1.0, 2.0, 2.0, 2.5]
    assert interval_coverage(y, low, high) == 0.5  # ends are inside
    assert interval_width(y, low, high) == pytest.approx(1.0)
    assert interval_coverage(y, low, high, [1, 1, 0, 2]) == 0.25
    assert interval_width(y, low, high, [1, 1, 0, 2]) == pytest.approx((1 + 0.5 + 2 * 0.5) / 4)
    truth = stats.norm(RNG.normal(size=4000), RNG.uniform(0.5, 2.0, 4000))
    drawn = truth.rvs(random_state=0)
    assert interval_coverage(drawn, *truth.interval(0.8)) == pytest.approx(0.8, abs=0.02)


SCORES = {
    "crps": lambda y, w: crps(y, stats.norm(np.zeros(np.shape(y)), 1.0), w),
    "log_score": lambda y, w: log_score(y, stats.norm(np.zeros(np.shape(y)), 1.0), w),
    "pinball_loss": lambda y, w: pinball_loss(y, np.zeros((*np.shape(y), 2)), [0.2, 0.9], w),
    "interval_coverage": lambda y, w: interval_coverage(y, np.full(np.shape(y), -1), np.ones(np.shape(y)), w),
    "interval_width": lambda y, w: interval_width(y, np.zeros(np.shape(y)), np.ones(np.shape(y)), w),
}


@pytest.mark.parametrize("name", SCORES)
def test_missing_labels_are_left_out_and_rows_are_weighted(name):
    score, weight = SCORES[name], np.array([1.0, 2.0, 3.0, 0.0, 1.0, 1.0])
    gaps = np.where(np.arange(N) % 3 == 1, np.nan, Y)
    known = ~np.isnan(gaps)
    assert score(gaps, None) == pytest.approx(score(Y[known], None))
    assert score(gaps, weight) == pytest.approx(score(Y[known], weight[known]))
    assert score(np.array([None if np.isnan(each) else each for each in gaps]), None) == score(gaps, None)
    assert score(Y, weight) == pytest.approx(score(np.repeat(Y, weight.astype(int)), None))
    assert np.isnan(score(np.full(N, np.nan), None))
    assert np.isnan(score(gaps, np.where(known, 0.0, 1.0)))
    columns = np.column_stack([gaps, Y, np.full(N, np.nan)])  # a column without a label does not count
    assert score(columns, weight) == pytest.approx((score(gaps, weight) + score(Y, weight)) / 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pinball_loss(Y, Y[:, None], 1.0), "above 0 and below 1"),
        (lambda: pinball_loss(Y, np.zeros((N, 3)), [0.1, 0.9]), "same q"),
        (lambda: crps(Y, stats.norm(np.zeros(N + 1), 1.0)), "y_true has shape"),
        (lambda: log_score(Y[:, None, None], stats.norm(0, 1)), "1-D or 2-D"),
        (lambda: interval_coverage(Y, Y[:-1], Y), "shape"),
        (lambda: interval_width(Y, Y + 1, Y), "lower is above upper"),
        (lambda: interval_coverage(Y, Y, Y, np.ones(N + 1)), "inconsistent"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
