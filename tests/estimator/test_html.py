"""The network diagram below scikit-learn's HTML diagram."""

import re
from html import escape
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from sklearn_mtl import MultiTaskNetEstimator, MultiTaskNetRegressor
from sklearn_mtl.architectures import Grouped, MMoE, TaskGraph

from .._helpers import inputs, net

X = inputs(40)


def picture(estimator):
    """Return the SVG of an estimator's diagram, or None."""
    html = estimator._repr_html_()
    assert html.startswith(estimator_html_repr(estimator)[:100])
    assert estimator._repr_mimebundle_()["text/html"].count("<title>") == html.count("<title>")
    found = re.search(r"<svg xmlns=.*aria-label.*?</svg>", html, re.DOTALL)
    return found and ElementTree.fromstring(found.group())


def words(svg):
    return [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]


def test_a_fitted_network_is_shown_with_its_tasks():
    targets = {"a<b": X[:, 0], 'say "c"': X[:, 1] > 0}
    estimator = net(architecture=MMoE(n_experts=2)).fit(X, targets)
    assert {"X", "expert 0", "expert 1", "gate", *targets} <= set(words(picture(estimator)))
    assert escape("a<b") in estimator._repr_html_()
    assert "a<b" not in estimator._repr_html_().split("</script>")[-1]


@pytest.mark.parametrize(
    ("params", "tasks"),
    [
        ({"tasks": {"a": "regression", "b": "classification"}}, ["a", "b"]),
        ({"task_weights": {"a": 2.0, "b": 0.0}}, ["a", "b"]),
        ({"tasks": {"b": "regression"}, "task_weights": {"a": 1.0, "b": 2.0}}, ["a", "b"]),
        ({"architecture": TaskGraph({"sale": ["click"]})}, ["click", "sale"]),
        ({"architecture": Grouped([["sale"], ["click", "view"]])}, ["click", "sale", "view"]),
        (
            {"architecture": TaskGraph({"sale": ["click"]}), "task_weights": {"dwell": 1}},
            ["click", "dwell", "sale"],
        ),
    ],
    ids=["tasks", "weights", "both", "graph", "groups", "graph and weights"],
)
def test_tasks_that_parameters_name_are_shown_before_fit(params, tasks):
    shown = words(picture(MultiTaskNetEstimator(**params)))
    assert sorted(set(shown) - {"X", "trunk", "inputs", "shared", "of one task", "task"}) == tasks


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"tasks": 3},
        {"tasks": ["a", "b"], "architecture": "soft"},
        {"task_weights": "heavy"},
        {"task_weights": {1: 2.0, None: 3.0}},
        {"task_weights": {"a": 1.0}, "architecture": None},
        {"task_weights": {"a": 1.0}, "architecture": MMoE(n_experts="many")},
        {"architecture": TaskGraph({"a": ["b"], "b": ["a"]})},
        {"architecture": TaskGraph(None)},
        {"architecture": Grouped(None)},
        {"architecture": Grouped([["a"], 3])},
        {"architecture": Grouped([["a"]]), "task_weights": {"b": 1.0}},
        {"architecture": TaskGraph({"a": 3})},
        {"architecture": TaskGraph({"a": ["b"]}, sharing="nothing")},
    ],
    ids=str,
)
def test_what_is_wrong_or_unknown_is_not_drawn_and_raises_nothing(params):
    estimator = MultiTaskNetEstimator(**params)
    assert picture(estimator) is None
    assert "MultiTaskNetEstimator" in estimator._repr_html_()


def test_many_tasks_are_not_all_drawn():
    estimator = net(max_epochs=1).fit(X, np.tile(X, 5))
    shown = words(picture(estimator))
    assert "11" in shown
    assert "12" not in shown
    assert "The first 12 of 20 tasks." in estimator._repr_html_()


def test_one_target_is_a_picture_too():
    assert "y" in words(picture(MultiTaskNetRegressor(max_epochs=1, n_members=1).fit(X, X[:, 0])))


def test_a_pipeline_shows_what_scikit_learn_shows():
    pipeline = make_pipeline(StandardScaler(), net(task_weights={"a": 1.0}))
    assert "MultiTaskNetEstimator" in pipeline._repr_html_()


def test_text_display_has_no_html():
    with config_context(display="text"):
        assert not hasattr(net(task_weights={"a": 1.0}), "_repr_html_")
