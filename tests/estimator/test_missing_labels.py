"""Labels that are missing."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.trunks import MLP

from .._helpers import assert_finite, assert_same_model, inputs, mixed_targets, net
from ._data import MASS, SICK, SPECIES, N, X, assert_close, outputs


def test_row_without_any_label_has_no_influence():
    y = mixed_targets(X, missing=0.2)
    for values in y.values():
        values[3] = None if values.dtype == object else np.nan
    exact = {"dtype": "float64", "max_epochs": 5, "trunk": MLP((8,))}
    everything = net(batch_size=N, **exact).fit(X, y)
    kept = np.delete(np.arange(N), 3)
    without = net(batch_size=N - 1, **exact).fit(X[kept], y[kept])
    assert_close(outputs(everything), outputs(without))


def test_inputs_of_unlabelled_rows_have_no_influence_beyond_the_scale():
    y = mixed_targets(X)
    for values in y.values():
        values[:10] = None if values.dtype == object else np.nan
    other = X.copy()
    other[:10] = 50 * inputs(10, seed=9)
    assert_same_model(net(trunk=MLP((8,))).fit(X, y), net(trunk=MLP((8,))).fit(other, y))


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA, pd.NaT], ids=str)
def test_every_sign_of_a_missing_label_is_one(missing):
    species = SPECIES.astype(object)
    species[::3] = None
    others = species.copy()
    others[::3] = missing
    assert_same_model(net().fit(X, {"s": others}), net().fit(X, {"s": species}))


def test_nullable_columns_of_pandas_are_read():
    y = pd.DataFrame({"sick": SICK, "mass": MASS})
    nullable = y.astype({"sick": "Int64", "mass": "Float64"})
    nullable.loc[nullable.index[:5], ["sick", "mass"]] = pd.NA
    gone = {"sick": [None] * 5 + SICK[5:].tolist(), "mass": np.where(np.arange(N) < 5, np.nan, MASS)}
    estimator = net().fit(X, nullable)
    assert_same_model(estimator, net().fit(X, gone))
    assert estimator.classes_["sick"].tolist() == [0, 1]


def test_all_labels_of_a_batch_may_be_missing():
    y = Targets(mass=np.where(np.arange(N) < 3, MASS, np.nan), sick=SICK)
    estimator = net(batch_size=8).fit(X, y)  # most batches have no mass
    assert_finite(estimator, X)
    assert np.isfinite(estimator.history_.to_numpy(dtype=float)).all()


def test_missing_elements_of_a_block_are_masked_one_by_one():
    size = X[:, :2].copy()
    size[::2, 0] = np.nan
    estimator = net(max_epochs=60, learning_rate=0.02).fit(X, {"size": size})
    assert r2_score(X[:, :2], estimator.predict(X)["size"]) > 0.9


def test_what_is_masked_in_an_array_of_targets_is_missing():
    rng = np.random.default_rng(0)
    X, number = rng.standard_normal((40, 3)), rng.standard_normal(40)
    hidden = rng.random(40) < 0.3
    masked = Targets(number=np.ma.MaskedArray(number, hidden), label=np.ma.MaskedArray(number > 0, hidden))
    missing = Targets(
        number=np.where(hidden, np.nan, number), label=np.where(hidden, None, (number > 0).astype(object))
    )
    net = MultiTaskNetEstimator(max_epochs=2, random_state=0, n_members=1)
    assert net.fit(X, masked).predict(X) == net.fit(X, missing).predict(X)
