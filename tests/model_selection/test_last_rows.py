import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

from sklearn_mtl.model_selection import LastRows

from .._helpers import inputs, net

ROWS = np.zeros((25, 1))


@pytest.mark.parametrize(
    ("test_size", "gap", "n_train", "n_test"), [(0.1, 0, 22, 3), (5, 2, 18, 5), (0.5, 0, 12, 13)]
)
def test_the_last_rows_are_held_out(test_size, gap, n_train, n_test):
    splitter = LastRows(test_size, gap=gap)
    [(train, test)] = splitter.split(ROWS)
    assert train.tolist() == list(range(n_train))
    assert test.tolist() == list(range(25 - n_test, 25))
    assert splitter.get_n_splits() == 1


def test_it_is_the_last_split_of_scikit_learns():
    (train, test) = next(LastRows(4, gap=3).split(ROWS))
    *_, (theirs, tested) = TimeSeriesSplit(3, test_size=4, gap=3).split(ROWS)
    assert np.array_equal(train, theirs)
    assert np.array_equal(test, tested)


@pytest.mark.parametrize("test_size", [0, 1.0, -1, "last", None, True])
def test_a_size_that_cannot_be_is_refused(test_size):
    with pytest.raises(ValueError, match=r"test_size=.* should be a float between 0 and 1"):
        LastRows(test_size)


@pytest.mark.parametrize("gap", [-1, 0.5, True])
def test_a_gap_that_cannot_be_is_refused(gap):
    with pytest.raises(ValueError, match=r"gap=.* should be a number of rows"):
        LastRows(gap=gap)


def test_rows_for_training_must_be_left():
    with pytest.raises(ValueError, match="leaves no row of 25 for training"):
        next(LastRows(20, gap=5).split(ROWS))


def test_groups_are_said_to_be_ignored():
    with pytest.warns(UserWarning, match="groups parameter is ignored by LastRows"):
        next(LastRows().split(ROWS, groups=np.arange(25)))


def test_a_search_takes_it_and_shows_it():
    assert repr(clone(LastRows(0.2, gap=1), safe=False)) == "LastRows(gap=1, test_size=0.2)"
    X = inputs(40)
    search = GridSearchCV(net(), {"learning_rate": [0.1, 0.01]}, cv=LastRows(0.25)).fit(X, X[:, 0])
    assert search.n_splits_ == 1
