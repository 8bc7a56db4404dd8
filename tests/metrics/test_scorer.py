import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_mtl.metrics import multitask_scorer, weighted_mean

NAN = math.nan
NAMES = "abc"
scores = st.fixed_dictionaries({name: st.floats(-10, 10) for name in NAMES})
weights = st.fixed_dictionaries({name: st.floats(0.125, 10) for name in NAMES})


@given(scores, weights)
def test_the_mean_is_that_of_numpy(by_task, weight):
    expected = np.average([by_task[n] for n in NAMES], weights=[weight[n] for n in NAMES])
    assert weighted_mean(by_task, weight) == pytest.approx(expected, abs=1e-9)


@given(scores, weights, st.sampled_from(NAMES))
def test_a_task_without_a_score_does_not_count(by_task, weight, absent):
    rest = {name: score for name, score in by_task.items() if name != absent}
    assert weighted_mean({**by_task, absent: NAN}, weight) == weighted_mean(rest, weight)


@given(scores, weights, st.sampled_from(NAMES))
def test_a_task_of_weight_zero_does_not_count(by_task, weight, absent):
    rest = {name: score for name, score in by_task.items() if name != absent}
    assert weighted_mean(by_task, {**weight, absent: 0.0}) == pytest.approx(weighted_mean(rest, weight))


@given(scores, weights, st.floats(0.125, 100))
def test_the_scale_of_the_weights_does_not_matter(by_task, weight, factor):
    scaled = {name: factor * value for name, value in weight.items()}
    assert weighted_mean(by_task, scaled) == pytest.approx(weighted_mean(by_task, weight), abs=1e-9)


@pytest.mark.parametrize("by_task", [{}, {"a": NAN, "b": NAN}, {"b": 1.0}])
def test_without_a_score_that_counts_the_mean_is_nan(by_task):
    assert math.isnan(weighted_mean(by_task, {"a": 1.0, "b": 0.0}))


class Network:
    """The part of a fitted estimator that the scorer uses; it counts its predictions."""

    tasks_ = {"a": SimpleNamespace(metric="accuracy"), "b": SimpleNamespace(metric="r2")}

    def __init__(self):
        self.calls = []

    def metrics_of_tasks(self, X, y, sample_weight):
        self.calls.append((X, y, sample_weight))
        return {"a": {"accuracy": 0.5, "f1_macro": 0.25}, "b": {"neg_mean_absolute_error": -2.0, "r2": 1.0}}

    def mean_score(self, by_task):
        return weighted_mean(by_task, {"a": 3.0, "b": 1.0})

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


X = np.array([[1.0], [3.0]])
SCORES = {
    "a_accuracy": 0.5,
    "a_f1_macro": 0.25,
    "b_neg_mean_absolute_error": -2.0,
    "b_r2": 1.0,
    "score": (3 * 0.5 + 1.0) / 4,
}


def test_every_metric_of_every_task_comes_from_one_prediction():
    network = Network()
    assert multitask_scorer(network, X, "y", "weights") == SCORES
    assert network.calls == [(X, "y", "weights")]


def searched(estimator):
    return SimpleNamespace(best_estimator_=estimator)


class Triple:
    """A step without a fitted state."""

    def transform(self, X):
        return 3 * X


def doubled(network):
    return Pipeline([("double", FunctionTransformer(lambda X: 2 * X)), ("network", network)])


@pytest.mark.parametrize(
    ("wrap", "factor"),
    [
        (searched, 1),
        (doubled, 2),
        (lambda network: searched(doubled(network)), 2),
        (lambda network: doubled(searched(network)), 2),
        (lambda network: doubled(doubled(network)), 4),
        (lambda network: Pipeline([("network", network)]), 1),
        (lambda network: Pipeline([("none", "passthrough"), ("triple", Triple()), ("network", network)]), 3),
    ],
)
def test_pipelines_and_searches_are_gone_through(wrap, factor):
    network = Network()
    assert multitask_scorer(wrap(network), X, "y") == SCORES
    np.testing.assert_array_equal(network.calls[0][0], factor * X)


@pytest.mark.parametrize("estimator", [LinearRegression(), make_pipeline(StandardScaler(), LinearRegression())])
def test_other_estimators_are_refused(estimator):
    with pytest.raises(TypeError, match="multitask_scorer requires a MultiTaskNetEstimator, got LinearRegression"):
        multitask_scorer(estimator.fit(X, X[:, 0]), X, X[:, 0])


class Named(Network):
    """Tasks of given names, with metrics of given names."""

    def __init__(self, **metrics):
        super().__init__()
        self.by_task = {task: dict.fromkeys(names, float(i)) for i, (task, names) in enumerate(metrics.items())}
        self.tasks_ = {task: SimpleNamespace(metric=names[0]) for task, names in metrics.items()}

    def metrics_of_tasks(self, X, y, sample_weight):
        return self.by_task

    def mean_score(self, by_task):
        return -1.0


def test_names_of_two_tasks_never_collide():
    network = Named(a=["accuracy", "balanced_accuracy"], a_balanced=["accuracy", "f1_macro"])
    assert multitask_scorer(network, X, "y") == {
        "a_accuracy": 0.0,
        "a__balanced_accuracy": 0.0,
        "a_balanced__accuracy": 1.0,
        "a_balanced_f1_macro": 1.0,
        "score": -1.0,
    }


def test_a_task_called_score_has_its_own():
    assert multitask_scorer(Named(score=["r2"]), X, "y") == {"score_r2": 0.0, "score": -1.0}


def test_names_that_cannot_be_told_apart_are_refused():
    same = {"a": ["_b", "b"], "a_": ["b"]}
    with pytest.raises(ValueError, match=r"metrics of the tasks \['a', 'a_'\] have the same names"):
        multitask_scorer(Named(**same), X, "y")
