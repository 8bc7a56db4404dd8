"""Missing numbers in X: every container, every trunk of tables, and whatever follows a fit."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_matrix
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, load_model, save_model
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.trunks import MLP, ModuleTrunk, MultiInput, allows_nan

from .._helpers import net

NAN = float("nan")
RNG = np.random.default_rng(0)
FULL = RNG.normal(size=(90, 4))
GONE = RNG.random(FULL.shape) < [0.3, 0.3, 0.0, 0.2]
X = np.where(GONE, NAN, FULL)
Y = {"number": FULL[:, 0] + FULL[:, 2], "sign": np.where(FULL[:, 1] > 0, "up", "down")}
TRUNKS = {
    "auto": "auto",
    "mlp": "mlp",
    "all": MLP((8,), scaling="standard", ranks=True, n_bins=4),
    "ranks": MLP((8,), ranks=True),
}


def trunk_of(estimator):
    return estimator._model.blueprint.trunk


def frame(make):
    columns = {name: [None if np.isnan(v) else v for v in X[:, i]] for i, name in enumerate("abcd")}
    return make(columns)


def numbers_of(estimator, rows):
    return estimator.predict(rows)["number"]


@pytest.mark.parametrize("trunk", TRUNKS.values(), ids=TRUNKS)
def test_every_container_gives_the_same_fit(trunk):
    containers = {
        "array": X,
        "list": X.tolist(),
        "masked": np.ma.array(FULL, mask=GONE),
        "objects": np.where(GONE, None, X.astype(object)),
        "pandas": frame(pd.DataFrame),
        "nullable": frame(pd.DataFrame).astype("Float64"),
        "objects in pandas": frame(pd.DataFrame).astype(object).where(~GONE, None),
        "polars": frame(pl.DataFrame),
    }
    expected = numbers_of(net(trunk=trunk, max_epochs=3).fit(X, Y), X)
    for name, rows in containers.items():
        fitted = net(trunk=trunk, max_epochs=3).fit(rows, Y)
        np.testing.assert_array_equal(numbers_of(fitted, rows), expected, err_msg=name)


@pytest.mark.parametrize("trunk", TRUNKS.values(), ids=TRUNKS)
def test_without_indicators_it_is_the_median_that_is_put_in(trunk):
    """Columns that were complete in fit: the same as an imputer of the user's."""
    complete = FULL[:-1]  # an odd number of rows has one median
    y = {name: values[:-1] for name, values in Y.items()}
    fitted = net(trunk=trunk, max_epochs=3).fit(complete, y)
    assert not len(trunk_of(fitted).told_)
    imputed = SimpleImputer(strategy="median").fit(complete).transform(X)
    np.testing.assert_allclose(numbers_of(fitted, X), numbers_of(fitted, imputed), rtol=1e-6)


def test_it_equals_an_imputer_with_indicators_for_a_network_that_reads_plain_numbers():
    rows, y = X[:-1], {name: values[:-1] for name, values in Y.items()}
    observed = [(~np.isnan(column)).sum() % 2 for column in rows.T]
    rows = np.vstack([rows, np.where(observed, NAN, [9.0, 9.0, 0.0, 9.0])])
    y = {name: np.append(values, values[:1]) for name, values in y.items()}
    params = {"trunk": MLP((8,)), "max_epochs": 5, "dtype": "float64"}
    imputer = SimpleImputer(strategy="median", add_indicator=True)
    by_hand = make_pipeline(imputer, net(**params)).fit(np.delete(rows, 2, axis=1), y)
    ours = net(**params).fit(np.delete(rows, 2, axis=1), y)
    np.testing.assert_allclose(
        numbers_of(ours, np.delete(X, 2, axis=1)), numbers_of(by_hand, np.delete(X, 2, axis=1)), rtol=1e-9
    )


@pytest.mark.parametrize("trunk", TRUNKS.values(), ids=TRUNKS)
def test_a_sparse_X_may_have_missing_numbers(trunk):
    sparse = csr_matrix(np.where(RNG.random(X.shape) < 0.4, 0.0, X))
    fitted = net(trunk=trunk, max_epochs=3).fit(sparse, Y)
    assert trunk_of(fitted).told_.tolist() == [0, 1, 3]
    assert np.isfinite(numbers_of(fitted, sparse)).all()
    if trunk == "mlp":  # it is neither scaled nor binned: the numbers are all that there is
        alone = net(trunk=trunk, max_epochs=3).fit(sparse.toarray(), Y)
        np.testing.assert_allclose(numbers_of(fitted, sparse), numbers_of(alone, sparse.toarray()), rtol=1e-4)
    np.testing.assert_allclose(
        numbers_of(fitted, sparse), numbers_of(fitted, sparse.toarray()), rtol=1e-4, atol=1e-5
    )


def test_an_indicator_tells_what_the_number_cannot():
    """Whether the first number is missing is all that there is to learn."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 2))
    gone = rng.random(400) < 0.5
    rows[gone, 0] = NAN
    for sparse in (False, True):
        learned = MultiTaskNetEstimator(random_state=0, n_members=1).fit(
            csr_matrix(rows) if sparse else rows, {"gone": gone}
        )
        assert (learned.predict(rows)["gone"] == gone).mean() > 0.98


def test_rows_of_weight_zero_are_as_good_as_absent():
    weight = np.where(np.arange(90) < 60, 1.0, 0.0)
    rows = X.copy()
    rows[:60, 3] = FULL[:60, 3]
    y = {name: values[:60] for name, values in Y.items()}
    weighted = trunk_of(net(max_epochs=1).fit(rows, Y, sample_weight=weight))
    alone = trunk_of(net(max_epochs=1).fit(rows[:60], y, sample_weight=weight[:60]))
    assert weighted.told_.tolist() == alone.told_.tolist() == [0, 1]
    np.testing.assert_array_equal(weighted.fill_, alone.fill_)


def test_weights_enter_the_median():
    weight = np.where(np.arange(90) == 7, 1000.0, 1.0)
    fitted = trunk_of(net(max_epochs=1).fit(FULL, Y, sample_weight=weight))
    np.testing.assert_array_equal(fitted.fill_, FULL[7])


@pytest.mark.parametrize("make", [np.asarray, csr_matrix])
@pytest.mark.parametrize("trunk", TRUNKS.values(), ids=TRUNKS)
def test_a_column_without_any_number_is_ignored(trunk, make):
    rows = np.column_stack([X, np.full(90, NAN)])
    with pytest.warns(UserWarning, match=r"all numbers of the columns \[4\] of X are missing in fit"):
        fitted = net(trunk=trunk, max_epochs=3).fit(make(rows), Y)
    later = np.column_stack([X, np.arange(90) * 1e6])
    np.testing.assert_array_equal(numbers_of(fitted, make(later)), numbers_of(fitted, make(rows)))


def test_tables_of_several_inputs():
    mixed = {"table": X, "picture": RNG.random((90, 6, 6, 1))}
    fitted = net(trunk=MultiInput({"table": "mlp", "picture": "conv_net"}, 8), max_epochs=1).fit(mixed, Y)
    assert np.isfinite(numbers_of(fitted, mixed)).all()
    columns = frame(pd.DataFrame).assign(words=["some words here", "and others there"] * 45)
    trunk = MultiInput({tuple("abcd"): "auto", "words": "sequence_encoder"}, 8)
    assert np.isfinite(numbers_of(net(trunk=trunk, max_epochs=1).fit(columns, Y), columns)).all()


@pytest.mark.parametrize(
    "params",
    [{"n_members": 3}, {"n_members": 2, "ensemble": "batch"}, {"architecture": "mmoe"}],
    ids=str,
)
def test_ensembles_and_architectures(params):
    fitted = net(max_epochs=2, **params).fit(X, Y)
    assert np.isfinite(numbers_of(fitted, X)).all()


@pytest.mark.parametrize("stacked", [True, False])
def test_searches(stacked):
    """The folds differ in which columns are complete."""
    rows = X.copy()
    rows[:, 3] = np.where(np.arange(90) < 30, rows[:, 3], FULL[:, 3])
    grid = {"task_weights": [{"number": 1.0}, {"number": 3.0}]}
    base = net(trunk="auto", max_epochs=3)
    search = TaskWeightSearchCV(base, grid, cv=3, stacked=stacked, refit=False).fit(rows, Y)
    one = TaskWeightSearchCV(base, grid, cv=3, stacked=False, refit=False).fit(rows, Y)
    for name in one.cv_results_:
        if "test" in name:
            np.testing.assert_allclose(search.cv_results_[name], one.cv_results_[name], rtol=1e-3, atol=1e-3)


def test_training_goes_on_with_what_the_first_batch_had():
    fitted = net().partial_fit(FULL[:45], {k: v[:45] for k, v in Y.items()}, classes={"sign": ["down", "up"]})
    fitted.partial_fit(X[45:], {k: v[45:] for k, v in Y.items()})
    assert not len(trunk_of(fitted).told_)
    assert np.isfinite(numbers_of(fitted, X)).all()
    warm = net(warm_start=True, max_epochs=1).fit(X, Y)
    assert trunk_of(warm.fit(FULL, Y)).told_.tolist() == [0, 1, 3]


def test_models_are_pickled_and_saved(tmp_path):
    fitted = net(trunk="auto", max_epochs=2).fit(frame(pd.DataFrame), Y)
    expected = numbers_of(fitted, frame(pd.DataFrame))
    save_model(fitted, tmp_path / "model")
    for again in (pickle.loads(pickle.dumps(fitted)), load_model(tmp_path / "model")):
        np.testing.assert_array_equal(numbers_of(again, frame(pd.DataFrame)), expected)


def test_a_model_of_an_older_version_refuses_what_it_cannot_impute():
    fitted = net(max_epochs=1).fit(FULL, Y)
    for name in ("fill_", "empty_", "told_"):
        delattr(trunk_of(fitted), name)
    assert np.isfinite(numbers_of(fitted, FULL)).all()
    with pytest.raises(ValueError, match="Input X contains NaN"):
        fitted.predict(X)


def test_tags_say_which_trunks_accept_nan():
    assert all(get_tags(net(trunk=trunk)).input_tags.allow_nan for trunk in ("auto", "mlp", MultiInput()))
    others = ("conv_net", "sequence_encoder", ModuleTrunk(nn.Identity()), nn.Identity())
    assert not any(get_tags(net(trunk=trunk)).input_tags.allow_nan for trunk in others)
    assert not allows_nan("no such trunk")


def test_a_module_of_torch_refuses_nan():
    with pytest.raises(ValueError, match="Input X contains NaN"):
        net(trunk=nn.Linear(4, 3)).fit(X, Y)
