"""Groups of correlated columns."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import spearmanr

from sklearn_mtl.inspection import correlated_groups
from sklearn_mtl.inspection._correlated_groups import _of_categories

from .._helpers import inputs


def frame():
    found = pd.DataFrame(inputs(300, 4), columns=list("abcd"))
    noise = inputs(300, 2, seed=5)
    found["e"] = np.exp(found["b"])  # the ranks are those of b
    found["f"] = -found["a"] + 0.4 * noise[:, 0]
    return found


def test_groups_are_those_of_rank_correlations():
    X = frame()
    assert correlated_groups(X) == {"a + f": ["a", "f"], "b + e": ["b", "e"]}
    assert correlated_groups(X, threshold=0.99) == {"b + e": ["b", "e"]}
    assert correlated_groups(X.to_numpy()) == {"x0 + x5": [0, 5], "x1 + x4": [1, 4]}
    assert correlated_groups(pl.from_pandas(X)) == correlated_groups(X)
    assert correlated_groups(X[["a"]]) == {}


def test_any_two_columns_of_a_group_are_correlated():
    rng = np.random.default_rng(0)
    X = np.cumsum(rng.normal(size=(300, 12)), axis=1)  # neighbours are alike, and ends are not
    groups = correlated_groups(X, threshold=0.8)
    assert groups
    for group in groups.values():
        pairs = np.abs(spearmanr(X[:, group]).statistic)
        assert np.min(pairs) >= 0.8


def test_missing_numbers_and_constants():
    X = frame()
    X.loc[::3, "e"], X["constant"] = np.nan, 1.0
    assert correlated_groups(X) == {"a + f": ["a", "f"], "b + e": ["b", "e"]}
    assert correlated_groups(X[["constant", "e"]]) == {}
    assert correlated_groups(np.ma.masked_invalid(X.to_numpy())) == {"x0 + x5": [0, 5], "x1 + x4": [1, 4]}


def test_categories():
    rng = np.random.default_rng(0)
    years = rng.integers(8, 17, size=400)
    X = pd.DataFrame({"years": years, "school": [f"grade {year}" for year in years], "size": rng.normal(size=400)})
    X["old"] = pd.Categorical(np.where(years > 11, "yes", "no"))
    X["word"] = [f"word {number}" for number in rng.integers(150, size=400)]  # of many words some fit by chance
    X["other"] = [f"word {number}" for number in rng.integers(150, size=400)]
    X.loc[::5, "old"] = np.nan
    assert correlated_groups(X) == {"years + school": ["years", "school"]}
    assert correlated_groups(pl.from_pandas(X)) == correlated_groups(X)
    assert correlated_groups(X, threshold=0.999) == {"years + school": ["years", "school"]}  # each is the other
    renamed = pd.DataFrame({"a": X["school"], "b": X["school"].str.upper(), "c": X["word"]})
    assert correlated_groups(renamed, threshold=0.999) == {"a + b": ["a", "b"]}
    mixed = X[["years", "size", "school"]].to_numpy(dtype=object)
    assert correlated_groups(mixed) == {"x0 + x2": [0, 2]}


def test_two_categories_and_numbers_have_the_association_of_two_numbers():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=2000)
    sign = (numbers + rng.normal(size=2000) > 0).astype(int)
    expected = abs(spearmanr(numbers, sign).statistic)
    assert abs(_of_categories(numbers, sign) - expected) < 0.002
    assert abs(_of_categories(sign, numbers) - expected) < 0.002
    other = np.where(rng.random(2000) < 0.2, 1 - sign, sign)
    assert abs(_of_categories(sign, other) - abs(np.corrcoef(sign, other)[0, 1])) < 0.002  # phi


def test_bad_input():
    with pytest.raises(ValueError, match="threshold=0 should be"):
        correlated_groups(frame(), threshold=0)
    with pytest.raises(TypeError, match="sparse matrix"):
        correlated_groups(csr_matrix(np.eye(3)))
    with pytest.raises(TypeError, match="a frame or a 2-D array"):
        correlated_groups(np.zeros(3))
    with pytest.raises(ValueError, match="column 'when' of X is"):
        correlated_groups(pd.DataFrame({"when": pd.to_datetime(["2020-01-01"] * 3), "a": [1, 2, 3]}))
