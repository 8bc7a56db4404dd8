import warnings

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.utils._warn import each_once, warn

X = np.random.default_rng(0).normal(size=(60, 2))
Y = {"rides": np.arange(60) % 30}


def files_of_warnings(fit):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        fit()
    assert said
    return {warning.filename for warning in said}


def test_a_warning_points_at_the_line_of_the_user():
    net = MultiTaskNetEstimator(max_epochs=1, n_members=1)
    assert files_of_warnings(lambda: net.fit(X, Y)) == {__file__}
    assert files_of_warnings(lambda: net.fit(X, Y, sample_weight=np.ones(60))) == {__file__}
    assert files_of_warnings(lambda: make_pipeline(StandardScaler(), net).fit(X, Y)) == {__file__}
    search = TaskWeightSearchCV(net, {"learning_rate": [0.1]}, cv=2)
    assert files_of_warnings(lambda: search.fit(X, Y)) == {__file__}


def test_a_context_within_another_issues_no_message_twice():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with each_once():
            warn("first")
            with each_once():
                warn("first")
                warn("second")
            warn("second")
    assert [str(each.message) for each in said] == ["first", "second"]
