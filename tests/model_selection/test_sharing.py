"""Comparison of sharing: scores equal separate fits, and verdicts follow from differences."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.datasets import load_linnerud
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import MultiTaskNetEstimator, MultiTaskNetRegressor, Targets
from sklearn_mtl.architectures import Grouped
from sklearn_mtl.model_selection import compare_sharing, sharing_report
from sklearn_mtl.model_selection._study import Fold, judge
from sklearn_mtl.trunks import MLP

COLUMNS = ["shared", "separate", "searched", "dummy", "linear", "difference", "std_error", "verdict"]
SMALL = {"trunk": MLP((8,), scaling="standard"), "max_epochs": 4, "random_state": 0}


@pytest.fixture
def rows():
    return load_linnerud(return_X_y=True, as_frame=True)


def test_frame_has_the_scores_of_the_same_fits_alone(rows):
    X, y = rows
    cv = KFold(2, shuffle=True, random_state=1)
    net = MultiTaskNetRegressor(**SMALL)
    found = compare_sharing(net, X, y, cv=cv)
    assert list(found.columns) == COLUMNS
    assert list(found.index) == list(y)
    shared, separate = [], []
    for train, test in cv.split(X):
        fitted = MultiTaskNetRegressor(**SMALL).fit(X.iloc[train], y.iloc[train])
        shared.append(fitted.score_tasks(X.iloc[test], y.iloc[test]))
        separate.append({})
        for name in y:
            alone = MultiTaskNetRegressor(**SMALL).fit(X.iloc[train], y[[name]].iloc[train])
            separate[-1] |= alone.score_tasks(X.iloc[test], y[[name]].iloc[test])
    np.testing.assert_allclose(found["shared"], pd.DataFrame(shared).mean(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["separate"], pd.DataFrame(separate).mean(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["difference"], found["shared"] - found["separate"], rtol=1e-6, atol=1e-9)


def test_net_is_not_changed_and_results_repeat(rows):
    X, y = rows
    net = MultiTaskNetRegressor(**SMALL)
    before = repr(net)
    first, second = (compare_sharing(net, X, y, cv=2, n_weights=2) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert repr(net) == before
    assert not hasattr(net, "tasks_")


def test_a_pipeline_gives_the_scores_of_scaled_rows(rows):
    X, y = rows
    net = MultiTaskNetRegressor(**{**SMALL, "trunk": MLP((8,))})
    piped = compare_sharing(make_pipeline(StandardScaler(), net), X, y, cv=2, n_weights=0)
    direct = compare_sharing(MultiTaskNetRegressor(**SMALL), X, y, cv=2, n_weights=0)
    np.testing.assert_allclose(piped["shared"], direct["shared"], rtol=1e-3, atol=1e-3)
    assert piped["searched"].isna().all()


def test_tasks_with_rows_of_their_own_are_trained_on_these():
    rng = np.random.RandomState(0)
    X = rng.randn(60, 3)
    first, second = X[:, 0] + 1, X[:, 1] - 1
    y = Targets(a=np.where(np.arange(60) < 30, first, np.nan), b=np.where(np.arange(60) < 30, np.nan, second))
    found = compare_sharing(MultiTaskNetEstimator(**SMALL), X, y, cv=2, n_weights=0)
    assert found[["shared", "separate", "dummy", "linear"]].notna().all(axis=None)
    assert found.loc["a", "dummy"] < 0.1 < found.loc["a", "linear"]


def test_mixed_tasks_and_groups():
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"number": rng.randn(60), "text": pd.Categorical(rng.choice(list("ab"), 60))})
    y = pd.DataFrame({"kind": rng.choice(["x", "y"], 60), "size": rng.randn(60)})
    groups = np.repeat(np.arange(12), 5)
    net = MultiTaskNetEstimator(**SMALL, tasks={"size": "regression"}, score_weights={"kind": 2.0})
    found = compare_sharing(net, X, y, cv=GroupKFold(3), groups=groups, n_weights=1)
    assert found["dummy"]["kind"] == pytest.approx(0.5, abs=0.2)


def test_the_shared_default_is_compared_with_defaults_of_each_task(rows):
    X, y = rows
    found = compare_sharing(MultiTaskNetRegressor(max_epochs=2, random_state=0), X, y, cv=2, n_weights=1)
    assert found[["shared", "separate", "searched"]].notna().all(axis=None)


def test_tasks_of_weight_0_are_left_out(rows):
    X, y = rows
    net = MultiTaskNetRegressor(**SMALL, task_weights={"Pulse": 0.0})
    assert list(compare_sharing(net, X, y, cv=2, n_weights=0).index) == ["Weight", "Waist"]


def test_groups_are_compared_with_each_task_alone(rows):
    X, y = rows
    groups = Grouped([["Weight", "Waist"], ["Pulse"]])
    grouped, plain = (
        compare_sharing(MultiTaskNetRegressor(**SMALL, architecture=a), X, y, cv=2, n_weights=0)
        for a in (groups, "hard_sharing")
    )
    pd.testing.assert_series_equal(grouped["separate"], plain["separate"])
    assert (grouped["shared"] != plain["shared"]).all()


def test_auxiliary_tasks_help_and_are_not_compared(rows):
    X, y = rows
    net = MultiTaskNetRegressor(**SMALL, auxiliary=["Pulse"])
    found = compare_sharing(net, X, y, cv=2, n_weights=1)
    assert list(found.index) == ["Weight", "Waist"]
    all_tasks = compare_sharing(MultiTaskNetRegressor(**SMALL), X, y, cv=2, n_weights=0)
    np.testing.assert_allclose(found["separate"], all_tasks["separate"].iloc[:2], rtol=1e-4)


@pytest.mark.parametrize(
    ("net", "columns", "error", "message"),
    [
        (StandardScaler(), 3, TypeError, "net should be a MultiTaskNetEstimator"),
        (MultiTaskNetRegressor(**SMALL), 1, ValueError, "two or more tasks"),
    ],
)
def test_refuses_what_cannot_be_compared(rows, net, columns, error, message):
    X, y = rows
    with pytest.raises(error, match=message):
        compare_sharing(net, X, y.iloc[:, :columns], cv=2)


def test_one_fold_has_no_standard_error(rows):
    X, y = rows
    with pytest.raises(ValueError, match="makes 1 fold"):
        compare_sharing(MultiTaskNetRegressor(**SMALL), X, y, cv=[(np.arange(10), np.arange(10, 20))])


def test_a_task_with_a_score_on_one_fold_is_named():
    X = np.random.RandomState(0).randn(20, 2)
    a = X[:, 0]
    b = np.where(np.isin(np.arange(20), [0, 1, 2, 3, 12, 13]), X[:, 1], np.nan)
    folds = [(np.arange(10), np.arange(10, 20)), (np.r_[0:4, 10:16], np.r_[4:10, 16:20])]
    with pytest.warns(UserWarning, match=r"\['b'\] have a score on fewer than two folds"):
        found = compare_sharing(MultiTaskNetRegressor(**SMALL), X, Targets(a=a, b=b), cv=folds, n_weights=0)
    assert found.loc["b", "verdict"] == "no difference"
    assert np.isnan(found.loc["b", "std_error"])


def test_standard_error_is_corrected_for_overlapping_folds():
    folds = [Fold(np.arange(80), np.arange(20))] * 5
    values = np.array([0.1, 0.2, 0.15, 0.12, 0.18])
    found = judge(values, folds)
    # Nadeau and Bengio: the variance of a mean of K folds is s^2 (1 / K + n_test / n_train)
    assert found.std_error == pytest.approx(np.sqrt(values.var(ddof=1) * (1 / 5 + 20 / 80)))
    assert found.verdict == "gains"
    assert judge(-values, folds).verdict == "loses"
    bound = found.std_error * student.ppf(0.975, 4)
    assert judge(values - values.mean() + 0.99 * bound, folds).verdict == "no difference"
    assert judge(values - values.mean() + 1.01 * bound, folds).verdict == "gains"


def test_report_names_the_tasks_of_each_verdict():
    row = dict.fromkeys(COLUMNS[:5], 0.5)
    rows = [
        {**row, "difference": sign * 0.2, "std_error": 0.01, "verdict": verdict}
        for sign, verdict in ((1, "gains"), (-1, "loses"), (0, "no difference"))
    ]
    text = sharing_report(pd.DataFrame(rows, index=["a", "b", "c"]))
    assert text.endswith("Sharing helps 1 task (a), harms 1 task (b), and makes no difference to 1 task (c).")


def test_the_mean_of_all_tasks_is_judged_too(rows):
    X, y = rows
    net = MultiTaskNetRegressor(**SMALL, score_weights={"Weight": 3.0})
    found = compare_sharing(net, X, y, cv=2, n_weights=0)
    mean = found.attrs["mean"]
    assert mean["difference"] == pytest.approx(np.average(found["difference"], weights=[3, 1, 1]))
    assert mean["std_error"] > 0
    assert sharing_report(found).endswith(f"(standard error {mean['std_error']:.3f}): {mean['verdict']}.")
