"""Intervals by the quantiles and deviations that tasks learn."""

import numpy as np
import pytest

from sklearn_mtl import Targets, load_model, save_model
from sklearn_mtl.tasks import Count, Regression
from sklearn_mtl.trunks import MLP
from sklearn_mtl.uncertainty import ConformalMultiTask, selective_curve

from ._nets import net

RNG = np.random.default_rng(0)
N_ROWS, N_TRAIN = 2400, 700
X = RNG.normal(size=(N_ROWS, 3))
NOISE = np.exp(X[:, 1] - 0.5)
Y = Targets(
    mass=X[:, 0] + NOISE * RNG.normal(size=N_ROWS),
    size=np.column_stack([X[:, 2], X[:, 0]]) + NOISE[:, None] * RNG.normal(size=(N_ROWS, 2)),
    plain=X[:, 0] + RNG.normal(size=N_ROWS),
    eggs=RNG.negative_binomial(2, 2 / (2 + np.exp(X[:, 0]))).astype(float),
)
TASKS = {
    "mass": Regression(loss="quantile", quantile=[0.05, 0.5, 0.95]),
    "size": Regression(loss="normal"),
    "plain": Regression(),
    "eggs": Count(loss="negative_binomial"),
}
UNCERTAIN = ["mass", "size", "eggs"]


@pytest.fixture(scope="module", params=[1, 2])
def fitted(request):
    params = {"trunk": MLP((32,), scaling="standard"), "max_epochs": 30, "learning_rate": 5e-3}
    return net(tasks=TASKS, n_members=request.param, **params).fit(X[:N_TRAIN], Y[:N_TRAIN])


def test_learned_quantiles_are_conformalized(fitted, tmp_path):
    calibration, test = slice(N_TRAIN, 1500), slice(1500, N_ROWS)
    one = ConformalMultiTask(fitted, method="quantile", tasks=UNCERTAIN).conformalize(
        X[calibration], Y[calibration]
    )
    table = one.score_sets(X[test], Y[test])
    assert (table["coverage"] > 0.86).all()
    assert (table.loc[["mass", "size"], "coverage"] < 0.94).all()  # quantiles of counts are whole and cover more
    sets = one.predict_set(X[test])
    wide = NOISE[test] > 1
    for name in ("mass", "size"):
        widths = np.diff(sets[name], axis=-1)
        assert widths[wide].mean() > 1.6 * widths[~wide].mean()
    save_model(one, tmp_path / "model.mtl")
    assert load_model(tmp_path / "model.mtl").predict_set(X[test]) == sets


def test_a_learned_deviation_is_the_spread_and_other_tasks_need_none(fitted):
    one = ConformalMultiTask(fitted).conformalize(X[N_TRAIN:1500], Y[N_TRAIN:1500])
    alone = "absolute" if fitted.n_members == 1 else "normalised"
    learned = {"size": "normalised", "eggs": "normalised"}
    assert one.methods_ == {"mass": alone, "plain": alone, **learned}
    assert one.score_sets(X[1500:], Y[1500:]).loc[list(TASKS), "coverage"].between(0.86, 0.95).all()
    assert list(selective_curve(fitted, X[N_TRAIN:], Y[N_TRAIN:], tasks=list(learned))) == list(learned)


def test_a_task_without_quantiles_is_named(fitted):
    with pytest.raises(ValueError, match=r"'plain'.*predict_quantiles"):
        ConformalMultiTask(fitted, method="quantile").conformalize(X[N_TRAIN:], Y[N_TRAIN:])


def test_levels_beyond_the_learned_ones_are_refused(fitted):
    one = ConformalMultiTask(fitted, 0.95, method="quantile", tasks=["mass"])
    with pytest.raises(ValueError, match=r"'mass'.*outside of the learned quantiles"):
        one.conformalize(X[N_TRAIN:], Y[N_TRAIN:])


@pytest.mark.parametrize("method", ["quantile", "auto"])
def test_members_say_it_of_rows_that_they_held_out(method):
    rows = slice(0, 1000)
    ensemble = net(tasks=TASKS, trunk=MLP((16,), scaling="standard"), max_epochs=15, learning_rate=5e-3)
    one = ConformalMultiTask(ensemble, method=method, tasks=UNCERTAIN).fit(X[rows], Y[rows])
    assert one.methods_["size"] == ("quantile" if method == "quantile" else "normalised")
    table = one.score_sets(X[1000:], Y[1000:])
    assert (table["coverage"] > 0.85).all()
    assert (table.loc[["mass", "size"], "coverage"] < 0.97).all()  # quantiles of counts are whole and cover more
