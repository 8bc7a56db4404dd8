"""Coverage of the sets of calibrated networks, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import betabinom
from sklearn.exceptions import NotFittedError

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.tasks import Segmentation
from sklearn_mtl.uncertainty import ConformalMultiTask

from ._stand_in import CLASSES, Quantiles, StandIn, fitted, made

NET = fitted()
X, Y = made(400, seed=1)
NEW_X, NEW_Y = made(2000, seed=2)


def conformal(**params):
    return ConformalMultiTask(NET, **params).conformalize(X, Y)


def split(n_calibration, seed, n_new=400):
    rows, labels = made(n_calibration + n_new, seed=1000 + seed)
    return rows[:n_calibration], labels[:n_calibration], rows[n_calibration:], labels[n_calibration:]


def mean_coverage(n_splits, n_calibration, level, **params):
    """Return the mean coverage of new rows over draws of calibration rows, by task."""
    tables = []
    for seed in range(n_splits):
        rows, labels, new_rows, new_labels = split(n_calibration, seed)
        one = ConformalMultiTask(NET, level, **params).conformalize(rows, labels)
        tables.append(one.score_sets(new_rows, new_labels)["coverage"])
    return pd.concat(tables, axis=1).mean(axis=1)


@pytest.mark.parametrize("method", ["absolute", "normalised"])
@pytest.mark.parametrize("level", [0.8, 0.9])
def test_intervals_cover_exactly(method, level):
    n_rows, n_new, n_splits = 79, 300, 120
    place = int(np.ceil(round((n_rows + 1) * level, 9)))
    exact = betabinom(n_new, place, n_rows + 1 - place)
    counts = []
    for seed in range(n_splits):
        rows, labels, new_rows, new_labels = split(n_rows, seed, n_new)
        one = ConformalMultiTask(NET, level, method=method, tasks=["mass"]).conformalize(rows, labels)
        low, high = one.predict_set(new_rows)["mass"].T
        counts.append(((low <= new_labels["mass"]) & (new_labels["mass"] <= high)).sum())
    assert abs(np.mean(counts) - exact.mean()) < 3.5 * exact.std() / np.sqrt(n_splits)
    inside = (exact.ppf(0.025) <= np.array(counts)) & (np.array(counts) <= exact.ppf(0.975))
    assert inside.mean() > 0.88


@pytest.mark.parametrize("method", ["lac", "aps", "raps", "coverage"])
def test_sets_cover(method):
    coverage = mean_coverage(40, 60, 0.8, method=method)
    task = "tags" if method == "coverage" else "kind"
    assert coverage[task] > 0.79
    if method in ("lac", "coverage"):
        assert coverage[task] < 0.83


def test_the_share_of_missed_labels_is_controlled():
    assert 0.79 < mean_coverage(40, 60, 0.8, method="fnr")["tags"] < 0.84


def test_counts_and_columns_cover():
    coverage = mean_coverage(40, 60, 0.8)
    assert 0.79 < coverage["size"] < 0.83
    assert 0.79 < coverage["eggs"] < 0.87  # scores of counts have ties
    assert (conformal().predict_set(NEW_X)["eggs"] >= 0).all()


def test_quantiles_are_conformalized():
    rows, labels = made(5000, seed=8)
    net = fitted(Quantiles)
    one = ConformalMultiTask(net, method="quantile", tasks=["mass"]).conformalize(rows[:1000], labels[:1000])
    assert one.methods_ == {"mass": "quantile"}
    assert abs(one.score_sets(rows[1000:], labels[1000:]).loc["mass", "coverage"] - 0.9) < 0.03
    low, high = one.predict_set(rows)["mass"].T
    widths = high - low
    assert widths[rows[:, 1] > 1.5].mean() > 2 * widths[rows[:, 1] < 0.5].mean()
    # a low level moves the quantiles together, and never past each other
    assert (np.diff(one.predict_set(rows, confidence_level=0.1)["mass"], axis=1) >= 0).all()


@pytest.mark.parametrize("joint", ["bonferroni", "max"])
def test_joint_sets_cover_all_tasks_at_once(joint):
    coverage = mean_coverage(25, 120, 0.8, joint=joint)
    assert coverage["all"] > 0.79
    assert mean_coverage(2, 120, 0.8)["mass"] < coverage["mass"]


def test_joint_sets_are_by_rows_with_all_labels():
    few = Targets({**Y, "mass": np.where(np.arange(400) < 100, Y["mass"], np.nan)})
    one = ConformalMultiTask(NET, 0.8, joint="max").conformalize(X, few)
    part = ConformalMultiTask(NET, 0.8, joint="max").conformalize(X[:100], Y[:100])
    for name, threshold in part.thresholds_.items():
        np.testing.assert_array_equal(one.thresholds_[name], threshold)


def test_a_task_is_calibrated_by_its_labelled_rows():
    gone = np.random.default_rng(0).random(400) < 0.4
    kind = Y["kind"].astype(object)
    kind[gone] = None
    few = Targets({**Y, "mass": np.where(gone, np.nan, Y["mass"]), "kind": kind})
    one, alone = (
        ConformalMultiTask(NET).conformalize(X, few),
        ConformalMultiTask(NET).conformalize(X[~gone], Y[~gone]),
    )
    for name in ("mass", "kind"):
        assert one.thresholds_[name] == alone.thresholds_[name]
        assert one.n_calibration_[name] == (~gone).sum()
    assert one.thresholds_["eggs"] == conformal().thresholds_["eggs"]


def test_missing_elements_of_columns_and_sets():
    size, tags = Y["size"].copy(), Y["tags"].copy()
    size[:350, 0], tags[:, 0] = np.nan, np.nan
    one = ConformalMultiTask(NET).conformalize(X, Targets({**Y, "size": size, "tags": tags}))
    full, part = conformal(), ConformalMultiTask(NET).conformalize(X[350:], Y[350:])
    assert one.thresholds_["size"].tolist() == [part.thresholds_["size"][0], full.thresholds_["size"][1]]
    assert np.isfinite(one.thresholds_["tags"])


def test_too_few_rows_give_everything_with_a_warning():
    message = r"labelled calibration rows for confidence_level=0.95: 'mass' has 18 and needs 19, 'size' has 18"
    with pytest.warns(UserWarning, match=message):
        one = ConformalMultiTask(NET, 0.95).conformalize(X[:18], Y[:18])
    sets = one.predict_set(NEW_X[:3])
    assert np.isinf(sets["mass"]).all()
    assert np.isinf(sets["size"]).all()
    assert sets["kind"].all()
    assert sets["tags"].all()
    assert sets["eggs"].tolist() == [[0.0, np.inf]] * 3
    assert np.isfinite(one.predict_set(NEW_X[:3], confidence_level=0.9)["mass"]).all()
    with pytest.warns(UserWarning, match="'mass' has 18 and needs 99"):
        one.predict_set(NEW_X[:3], confidence_level=0.99)


def test_a_class_that_the_net_does_not_know_is_not_covered():
    kind = Y["kind"].astype(object)
    kind[:100] = "dog"
    one = ConformalMultiTask(NET).conformalize(X, Targets({**Y, "kind": kind}))
    assert one.thresholds_["kind"] == np.inf  # a quarter of the labels is in no set
    assert one.predict_set(NEW_X)["kind"].all()


def test_higher_levels_have_larger_sets():
    one = conformal()
    before = one.predict_set(NEW_X, confidence_level=0.5)
    for level in (0.8, 0.95):
        sets = one.predict_set(NEW_X, confidence_level=level)
        for name in ("kind", "tags"):
            assert (sets[name] >= before[name]).all()
        for name in ("mass", "size", "eggs"):
            assert (sets[name][..., 0] <= before[name][..., 0]).all()
            assert (sets[name][..., 1] >= before[name][..., 1]).all()
        before = sets


def test_sets_of_groups_cover_in_each_group():
    rows, labels = made(3000, seed=3)
    wide = rows[:, 2] == 1
    y = Targets(mass=np.where(wide, 4.0, 1.0) * (labels["mass"] - 3 * rows[:, 0]) + 3 * rows[:, 0])
    net = StandIn(("mass",)).fit(*made(200, seed=99))
    for by, frame in ((2, False), ("c", True)):
        inputs = pd.DataFrame(rows, columns=list("abc")) if frame else rows
        one = ConformalMultiTask(net, method="absolute", by=by).conformalize(inputs[:1500], y[:1500])
        low, high = one.predict_set(inputs[1500:])["mass"].T
        inside = (low <= y["mass"][1500:]) & (y["mass"][1500:] <= high)
        for group in (True, False):
            assert abs(inside[wide[1500:] == group].mean() - 0.9) < 0.04
        assert (high - low)[wide[1500:]].mean() > 2 * (high - low)[~wide[1500:]].mean()


def test_small_and_unknown_groups_take_the_threshold_of_all():
    rows = X.copy()
    rows[:5, 2] = 7
    with pytest.warns(UserWarning, match=r"'mass' in 7.0 \(fewer than 9\)"):
        one = ConformalMultiTask(NET, by=2).conformalize(rows, Y)
    pooled = ConformalMultiTask(NET).conformalize(rows, Y).predict_set(X[:4])
    for group in (7.0, 8.0, np.nan):
        new = X[:4].copy()
        new[:, 2] = group
        if group == 8.0:
            with pytest.warns(UserWarning, match="no group 8"):
                sets = one.predict_set(new)
        else:
            sets = one.predict_set(new)
        assert sets == pooled


def test_sets_of_classes_cover_each_class():
    rows, labels = made(6000, seed=4)
    one = ConformalMultiTask(NET, by="kind").conformalize(rows[:3000], labels[:3000])
    plain = ConformalMultiTask(NET).conformalize(rows[:3000], labels[:3000])
    sets, new = one.predict_set(rows[3000:]), labels[3000:]
    for code, name in enumerate(CLASSES):
        assert abs(sets["kind"][new["kind"] == name, code].mean() - 0.9) < 0.035
    assert (sets["mass"] == plain.predict_set(rows[3000:])["mass"]).all()


def test_weights_cover_where_covariates_have_shifted():
    rows, labels = made(4000, seed=5)
    new_rows, new_labels = made(4000, seed=6)

    def ratio(X):
        return np.where(X[:, 1] > 1.2, 5.0, 0.2)

    kept = np.random.default_rng(0).random(4000) < ratio(new_rows) / 5
    new_rows, new_labels = new_rows[kept], new_labels[kept]
    plain = ConformalMultiTask(NET, method="absolute").conformalize(rows, labels)
    one = ConformalMultiTask(NET, method="absolute").conformalize(rows, labels, weights=ratio(rows))
    covered = []
    for sets in (plain.predict_set(new_rows), one.predict_set(new_rows, weights=ratio(new_rows))):
        low, high = sets["mass"].T
        covered.append(((low <= new_labels["mass"]) & (new_labels["mass"] <= high)).mean())
    assert covered[0] < 0.87
    assert abs(covered[1] - 0.9) < 0.025


def test_a_group_weighs_as_much_as_a_row():
    twice = np.repeat(np.arange(400), 2)
    one = ConformalMultiTask(NET).conformalize(X[twice], Y[twice], groups=twice)
    plain = conformal()
    assert one.predict_set(NEW_X[:50]) == plain.predict_set(NEW_X[:50])
    with pytest.warns(UserWarning, match="calibration groups.*'mass' has 8 and needs 9"):
        ConformalMultiTask(NET).conformalize(X, Y, groups=np.arange(400) % 8)


def test_shapes_and_types_of_sets():
    sets = conformal().predict_set(NEW_X[:7])
    assert isinstance(sets, Targets)
    shapes = {name: values.shape for name, values in sets.items()}
    assert shapes == {"mass": (7, 2), "size": (7, 2, 2), "kind": (7, 3), "tags": (7, 4), "eggs": (7, 2)}
    assert sets["kind"].dtype == bool
    assert sets["tags"].dtype == bool


def test_intervals_equal_those_of_mapie():
    regression = pytest.importorskip("mapie.regression", reason="MAPIE is not installed")
    peer = regression.SplitConformalRegressor(_One("mass"), confidence_level=[0.8, 0.95], prefit=True)
    peer.conformalize(X, Y["mass"])
    _, intervals = peer.predict_interval(NEW_X)
    one = ConformalMultiTask(NET, method="absolute").conformalize(X, Y)
    for column, level in enumerate((0.8, 0.95)):
        own = one.predict_set(NEW_X, confidence_level=level)["mass"]
        np.testing.assert_allclose(own, intervals[:, :, column], rtol=1e-9)


def test_sets_equal_those_of_mapie():
    classification = pytest.importorskip("mapie.classification", reason="MAPIE is not installed")
    peer = classification.SplitConformalClassifier(
        _Classes("kind"), confidence_level=[0.8, 0.95], prefit=True, conformity_score="lac"
    )
    peer.conformalize(X, Y["kind"])
    _, sets = peer.predict_set(NEW_X)
    one = conformal()
    for column, level in enumerate((0.8, 0.95)):
        np.testing.assert_array_equal(one.predict_set(NEW_X, confidence_level=level)["kind"], sets[:, :, column])


class _One(StandIn):
    """One task of a stand-in, as a regressor of scikit-learn."""

    _estimator_type = "regressor"

    def __init__(self, task):
        super().__init__()
        self.task = task
        self.n_features_in_ = 3

    def predict(self, X):
        return NET.predict(X)[self.task]


class _Classes(_One):
    _estimator_type = "classifier"

    def __init__(self, task):
        super().__init__(task)
        self.classes_ = NET.tasks_[task].classes_

    def predict_proba(self, X):
        return NET.predict_proba(X)[self.task]


def test_it_needs_a_fitted_net():
    with pytest.raises(NotFittedError, match="conformalize"):
        ConformalMultiTask(MultiTaskNetEstimator()).conformalize(X, Y)
    with pytest.raises(NotFittedError, match="call conformalize or fit first"):
        ConformalMultiTask(NET).predict_set(X)
    with pytest.raises(ValueError, match="'net' parameter"):
        ConformalMultiTask("net").conformalize(X, Y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"confidence_level": 0.0}, "confidence_level"),
        ({"confidence_level": 1.0}, "confidence_level"),
        ({"confidence_level": 90}, "confidence_level"),
        ({"joint": "all"}, "joint"),
        ({"method": "best"}, "method"),
        ({"method": {"weight": "aps"}}, "method names the tasks"),
        ({"method": {"mass": "aps"}}, "does not suit the task 'mass'"),
        ({"method": "quantile"}, "predict_quantiles"),
        ({"method": "fnr", "joint": "max"}, "use 'coverage'"),
        ({"method": "aps", "tasks": ["mass"]}, "suits none of the tasks"),
        ({"tasks": ["weight"]}, "tasks="),
        ({"tasks": []}, "tasks="),
        ({"by": "weight"}, "by='weight' is neither a task nor a column"),
        ({"by": 3}, "by=3 is neither"),
        ({"by": "mass"}, "name a task of classes"),
        ({"by": "tags"}, "name a task of classes"),
        ({"by": "kind", "joint": "max"}, "joint='max'"),
    ],
)
def test_parameters_are_checked(params, message):
    with pytest.raises(ValueError, match=message):
        ConformalMultiTask(NET, **params).conformalize(X, Y)


@pytest.mark.parametrize("level", [0, 1.0, "high", True])
def test_levels_of_sets_are_checked(level):
    with pytest.raises(ValueError, match="confidence_level"):
        conformal().predict_set(X, confidence_level=level)


def test_rows_are_checked():
    with pytest.raises(ValueError, match="X has 400 rows, and y has 3"):
        ConformalMultiTask(NET).conformalize(X, Y[:3])
    with pytest.raises(ValueError, match="y lacks the tasks"):
        ConformalMultiTask(NET).conformalize(X, {"mass": Y["mass"], "kind": Y["kind"]})
    part = {"mass": Y["mass"], "kind": Y["kind"]}
    some = ConformalMultiTask(NET, tasks=["kind", "mass"]).conformalize(X, part)
    assert list(some.predict_set(X[:2])) == ["mass", "kind"]
    assert list(some.score_sets(X, part).index) == ["mass", "kind"]
    with pytest.raises(ValueError, match="weights should be"):
        ConformalMultiTask(NET).conformalize(X, Y, weights=-np.ones(400))
    with pytest.raises(ValueError, match="groups has 3 entries"):
        ConformalMultiTask(NET).conformalize(X, Y, groups=[1, 2, 3])
    for extra in ({"weights": np.ones(400)}, {"groups": np.arange(400)}):
        with pytest.raises(ValueError, match="joint='max' takes neither"):
            ConformalMultiTask(NET, joint="max").conformalize(X, Y, **extra)


def test_classes_of_pixels_are_refused_by_name():
    net = fitted()
    net.tasks_ = {**net.tasks_, "parts": Segmentation().fit(np.arange(12).reshape(3, 2, 2) % 2)}
    y = Targets({**Y, "parts": np.zeros((400, 2, 2), dtype=int)})
    with pytest.raises(ValueError, match="'parts' is a Segmentation, which labels each pixel"):
        ConformalMultiTask(net).conformalize(X, y)
    names = list(Y)
    assert list(ConformalMultiTask(net, tasks=names).conformalize(X, y).predict_set(X[:2])) == names


def test_one_network_has_no_spread():
    class Single(StandIn):
        predict_std = property()  # no such method

    one = ConformalMultiTask(fitted(Single)).conformalize(X, Y)
    assert one.methods_["mass"] == "absolute"
    with pytest.raises(ValueError, match="needs a spread"):
        ConformalMultiTask(fitted(Single), method="normalised").conformalize(X, Y)
