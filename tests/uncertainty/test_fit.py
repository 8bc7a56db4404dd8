"""Fits that leave rows for calibration: those that members held out, a share, or folds."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import Portfolio, Targets
from sklearn_mtl.trunks import MLP
from sklearn_mtl.uncertainty import ConformalMultiTask

from .._helpers import assert_same
from ._nets import net
from ._stand_in import made

X, Y = made(300, seed=1)
NEW_X, NEW_Y = made(1000, seed=2)


@pytest.fixture(scope="module")
def by_members():
    return ConformalMultiTask(net()).fit(X, Y)


def coverage(conformal):
    return conformal.score_sets(NEW_X, NEW_Y)["coverage"]


def test_members_that_held_out_a_row_score_it(by_members):
    """The intervals are those of CV+ by its formula."""
    inner = by_members.net_
    held = inner.validation_rows_
    assert by_members.n_calibration_["mass"] == sum(map(len, held)) == 120
    outputs = inner._model.member_outputs(X, ["mass"], inner)["mass"]
    new = inner._model.member_outputs(NEW_X[:20], ["mass"], inner)["mass"]
    decode = inner.tasks_["mass"].decode
    low, high = [], []
    for rows, own, of_new in zip(held, outputs, new, strict=True):
        errors = np.abs(Y["mass"][rows] - decode(own)[rows])
        low.append(decode(of_new) - errors[:, None])
        high.append(decode(of_new) + errors[:, None])
    low, high = np.sort(np.vstack(low), axis=0), np.sort(np.vstack(high), axis=0)
    place = int(np.ceil(0.9 * 121))
    expected = np.column_stack([low[120 - place], high[place - 1]])
    np.testing.assert_allclose(by_members.predict_set(NEW_X[:20])["mass"], expected, rtol=1e-6)


def test_held_out_rows_cover_new_ones(by_members):
    assert by_members.methods_["mass"] == "absolute"  # one member for each row
    covered = coverage(by_members)
    assert covered.min() > 0.83
    assert covered[["mass", "size", "eggs"]].max() < 0.97
    assert_same(by_members.predict(NEW_X), net().fit(X, Y).predict(NEW_X))
    with pytest.raises(AttributeError, match="several predictors"):
        _ = by_members.thresholds_


def test_recipes_that_held_out_a_row_score_it_together():
    recipes = {"plain": {}, "wide": {"trunk": MLP((16,))}}
    one = ConformalMultiTask(net(n_members=2, ensemble=Portfolio(recipes))).fit(X, Y)
    assert one._teams.sum(axis=1).tolist() == [2, 2]
    assert one.methods_["mass"] == "normalised"
    assert (np.abs(coverage(one) - 0.9) < 0.1).all()


def test_one_network_is_calibrated_by_the_rows_that_it_held_out():
    one = ConformalMultiTask(net(n_members=1, validation=0.4)).fit(X, Y)
    assert one.n_calibration_["mass"] == 120
    assert (np.abs(coverage(one) - 0.9) < 0.08).all()


def test_members_that_share_weights_hold_out_the_same_rows():
    one = ConformalMultiTask(net(ensemble="batch", validation=0.3)).fit(X, Y)
    assert one._teams.tolist() == [[True] * 4]
    assert (np.abs(coverage(one) - 0.9) < 0.1).all()


def test_without_held_out_rows_it_says_what_to_do():
    with pytest.raises(ValueError, match=r"held out none of the 300 rows.*cv=5"):
        ConformalMultiTask(net(early_stopping=False)).fit(X, Y)


@pytest.mark.parametrize("cv", [2, KFold(2)])
def test_folds_score_their_rows(cv):
    one = ConformalMultiTask(net(early_stopping=False, n_members=2), cv=cv, random_state=0).fit(X, Y)
    assert len(one.estimators_) == 2
    assert one.n_calibration_["mass"] == 300
    assert one.methods_["mass"] == "normalised"
    assert (np.abs(coverage(one) - 0.9) < 0.07).all()
    first = next(KFold(2).split(X))[0]
    if cv != 2:
        assert_same(
            one.estimators_[0].predict(X),
            net(early_stopping=False, n_members=2).fit(X[first], Y[first]).predict(X),
        )


def test_a_class_that_a_fold_lacks_is_improbable_there():
    kind = Y["kind"].astype(object)
    kind[kind == "cat"] = "ape"
    kind[:3] = "cat"
    y = Targets({**Y, "kind": kind})
    one = ConformalMultiTask(net(early_stopping=False, n_members=1), cv=KFold(3)).fit(X, y)
    assert one.predict_set(NEW_X[:5])["kind"].shape == (5, 3)


def test_a_share_is_split_off():
    one = ConformalMultiTask(net(n_members=2), cv=0.4, random_state=0).fit(X, Y)
    assert one.n_calibration_["mass"] == 120
    assert np.isfinite(one.thresholds_["mass"])
    assert (np.abs(coverage(one) - 0.9) < 0.09).all()


@pytest.mark.parametrize("cv", [None, 2, 0.4])
def test_groups_are_held_out_whole(cv):
    groups = np.repeat(np.arange(100), 3)
    conformal = ConformalMultiTask(make_pipeline(StandardScaler(), net(n_members=2)), cv=cv, random_state=0)
    one = conformal.fit(X, Y, groups=groups)
    sources = one._calibration.sources.reshape(100, 3)
    assert (sources == sources[:, :1]).all()
    assert (sources >= 0).any()
    assert coverage(one).min() > 0.8


def test_overlapping_folds_are_refused():
    class Twice(KFold):
        def split(self, X, y=None, groups=None):
            for _ in range(2):
                yield np.arange(100, 300), np.arange(100)

    with pytest.raises(ValueError, match="holds out some rows more than once"):
        ConformalMultiTask(net(), cv=Twice(2)).fit(X, Y)


def test_frozen_nets_are_not_fitted():
    frozen = FrozenEstimator(net())
    for each in (frozen, make_pipeline(StandardScaler(), frozen)):
        with pytest.raises(ValueError, match="frozen"):
            ConformalMultiTask(each).fit(X, Y)


@pytest.mark.parametrize("cv", [1, 0.0, 1.0, "five", True])
def test_cv_is_checked(cv):
    with pytest.raises(ValueError, match="cv"):
        ConformalMultiTask(net(), cv=cv).fit(X, Y)


def test_fits_do_not_share_a_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="set checkpoint=None"):
        ConformalMultiTask(net(checkpoint=tmp_path / "net.ckpt"), cv=2).fit(X, Y)


def test_quantiles_need_a_task_that_learns_them():
    with pytest.raises(ValueError, match="predict_quantiles"):
        ConformalMultiTask(net(), method="quantile").fit(X, Y)
