import numpy as np
import pytest

from sklearn_mtl.metrics import concordance_index, integrated_brier_score

RNG = np.random.default_rng(0)


def censored(n_rows, n_times=30):
    return np.column_stack([RNG.integers(1, n_times, n_rows), RNG.random(n_rows) < 0.6]).astype(float)


def structured(y):
    rows = np.zeros(len(y), dtype=[("event", bool), ("time", float)])
    rows["time"], rows["event"] = y.T
    return rows


def concordance(y, risk, weight):
    """Count pairs one by one."""
    right = total = 0.0
    for (time, event), one, w in zip(y, risk, weight, strict=True):
        for (other_time, other_event), other, v in zip(y, risk, weight, strict=True):
            if event and (time < other_time or (time == other_time and not other_event)):
                right += w * v * (1.0 if one > other else 0.5 if one == other else 0.0)
                total += w * v
    return right / total


def not_censored(y, at):
    """Compute the Kaplan-Meier estimate of not being censored until a time, from its definition."""
    value = 1.0
    for time in np.unique(y[:, 0]):
        if time <= at:
            here = y[:, 0] == time
            at_risk = (y[:, 0] >= time).sum() - (here & (y[:, 1] == 1)).sum()
            value *= 1 - (here & (y[:, 1] == 0)).sum() / max(at_risk, 1)
    return value


def brier(train, test, curves, times):
    scores = []
    for column, at in enumerate(times):
        errors = []
        for (time, event), curve in zip(test, curves[:, column], strict=True):
            died, lives = event and time <= at, time > at
            own = not_censored(train, time)
            errors.append(
                curve**2 / own if died and own else (1 - curve) ** 2 / not_censored(train, at) if lives else 0
            )
        scores.append(np.mean(errors))
    return np.trapezoid(scores, times) / (times[-1] - times[0])


@pytest.mark.parametrize("weighted", [False, True])
def test_concordance_is_the_share_of_pairs(weighted):
    for _ in range(5):
        y, risk = censored(40), RNG.integers(0, 8, 40).astype(float)
        weight = RNG.uniform(0.1, 2, 40) if weighted else np.ones(40)
        found = concordance_index(structured(y), risk, weight if weighted else None)
        assert found == pytest.approx(concordance(y, risk, weight), abs=1e-12)


def test_brier_score_is_that_of_the_definition():
    for _ in range(3):
        train, test = censored(60), censored(30, 25)
        train[0] = 40, 1
        times = np.linspace(test[:, 0].min(), test[:, 0].max() - 1, 6)
        curves = RNG.random((30, 6))
        found = integrated_brier_score(train, structured(test), curves, times)
        assert found == pytest.approx(brier(train, test, curves, times), abs=1e-12)


def test_both_equal_those_of_scikit_survival():
    metrics = pytest.importorskip("sksurv.metrics")
    for _ in range(10):
        y, risk = structured(censored(70)), RNG.integers(0, 20, 70).astype(float)
        theirs = metrics.concordance_index_censored(y["event"], y["time"], risk)[0]
        assert concordance_index(y, risk) == pytest.approx(theirs, abs=1e-12)
        times = np.linspace(y["time"].min(), y["time"].max() - 0.5, 7)
        curves = RNG.random((70, 7))
        theirs = metrics.integrated_brier_score(y, y, curves, times)
        assert integrated_brier_score(y, y, curves, times) == pytest.approx(theirs, abs=1e-12)


def test_many_rows_are_compared_in_parts(monkeypatch):
    y, risk = censored(50), RNG.random(50)
    whole = concordance_index(y, risk)
    monkeypatch.setattr("sklearn_mtl.metrics._survival._AT_ONCE", 120)
    assert concordance_index(y, risk) == pytest.approx(whole, abs=1e-12)


def test_rows_without_a_label_are_left_out():
    y, risk, curves = censored(50), RNG.random(50), RNG.random((50, 3))
    gone, times = np.arange(50) % 4 == 0, np.array([5.0, 9.0, 14.0])
    partly = y.copy()
    partly[gone] = np.nan
    assert concordance_index(partly, risk) == concordance_index(y[~gone], risk[~gone])
    found = integrated_brier_score(partly, partly, curves, times)
    assert found == integrated_brier_score(y[~gone], y[~gone], curves[~gone], times)


def test_a_weight_of_two_is_a_repeated_row():
    y, risk, curves = censored(30), RNG.random(30), RNG.random((30, 3))
    times, again = np.array([5.0, 9.0, 14.0]), np.arange(30) % 3
    weighted = integrated_brier_score(y, y, curves, times, again.astype(float))
    rows = np.repeat(np.arange(30), again)
    assert weighted == pytest.approx(integrated_brier_score(y, y[rows], curves[rows], times), abs=1e-12)
    # a row is not compared with itself
    assert concordance_index(y, risk, again) == pytest.approx(concordance_index(y[rows], risk[rows]), abs=1e-12)


def test_no_comparable_pair_has_no_concordance():
    assert np.isnan(concordance_index(np.array([[1.0, 0], [2.0, 0]]), [0.0, 1.0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": [5.0]}, r"estimate has shape \(20, 3\); expected \(20, 1\)"),
        ({"times": [5.0, 9.0, 9.0]}, "two or more increasing numbers"),
        ({"times": [0.5, 5.0, 9.0]}, "times should be from 1 to before 20"),
        ({"times": [5.0, 9.0, 20.0]}, "times should be from 1 to before 20"),
        ({"survival_train": np.array([[1.0, 1], [2.0, 0], [3.0, 1], [4.0, 0], [4.0, 1]])[:3]}, None),
        (
            {"survival_train": np.array([[1.0, 1], [3.0, 1]])},
            "observed until 20, but those of training only until 3",
        ),
        ({"sample_weight": np.ones(3)}, r"sample_weight has shape \(3,\)"),
    ],
)
def test_what_has_no_brier_score_is_refused(change, message):
    y = np.column_stack([np.arange(1.0, 21.0), np.ones(20)])
    given = {"survival_train": y, "survival_test": y, "estimate": np.full((20, 3), 0.5), "times": [5.0, 9.0, 14.0]}
    with pytest.raises(ValueError, match=message):
        integrated_brier_score(**(given | change))


@pytest.mark.parametrize(("risk", "message"), [([1.0], r"risk has shape \(1,\)"), ([1.0, np.nan], "contains NaN")])
def test_risks_are_checked(risk, message):
    with pytest.raises(ValueError, match=message):
        concordance_index(np.array([[1.0, 1], [2.0, 1]]), risk)
