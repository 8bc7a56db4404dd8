"""Curves of loss and score over the epochs."""

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

from sklearn_mtl import Portfolio
from sklearn_mtl.inspection import LearningHistoryDisplay

from .._helpers import inputs, mixed_targets, net

matplotlib.use("agg")

X = inputs(120)
Y = {name: mixed_targets(X)[name] for name in ("species", "mass")}


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def validated():
    return net(early_stopping=True).fit(X, Y)


def curves_of(ax):
    return {line.get_label(): line.get_ydata().tolist() for line in ax.lines}


def test_curves_are_those_of_the_history(validated):
    display = LearningHistoryDisplay.from_estimator(validated)
    history = validated.history_
    losses, scores = display.axes_
    assert curves_of(losses) == {
        f"{task} ({word})": history[f"{rows}_loss__{task}"].tolist()
        for task in Y
        for rows, word in (("train", "training"), ("valid", "validation"))
    }
    assert curves_of(scores) == {f"{task} (validation)": history[f"valid_score__{task}"].tolist() for task in Y}
    for line in losses.lines:
        np.testing.assert_array_equal(line.get_xdata(), history.index)


def test_a_task_has_one_colour_and_validation_is_solid(validated):
    losses = LearningHistoryDisplay.from_estimator(validated).axes_[0]
    lines = {line.get_label(): line for line in losses.lines}
    colours = {task: {lines[f"{task} ({w})"].get_color() for w in ("training", "validation")} for task in Y}
    assert [len(of_task) for of_task in colours.values()] == [1, 1]
    assert colours["species"] != colours["mass"]
    assert lines["mass (training)"].get_linestyle() == "--"
    assert lines["mass (validation)"].get_linestyle() == "-"


def test_without_validation_there_is_the_loss_only():
    display = LearningHistoryDisplay.from_estimator(net().fit(X, Y))
    (ax,) = display.axes_
    assert list(curves_of(ax)) == ["species (training)", "mass (training)"]


def test_tasks_of_weight_0_and_tasks_not_asked_for_are_left_out(validated):
    idle = net(task_weights={"mass": 0}).fit(X, Y)
    assert list(curves_of(LearningHistoryDisplay.from_estimator(idle).axes_[0])) == ["species (training)"]
    some = LearningHistoryDisplay.from_estimator(validated, tasks=["mass"]).axes_[1]
    assert list(curves_of(some)) == ["mass (validation)"]


def test_curves_of_an_ensemble_are_means_over_its_members():
    fitted = net(n_members=3, early_stopping=True).fit(X, Y)
    (losses,) = LearningHistoryDisplay.from_estimator(fitted).axes_  # no scores were computed
    mean = fitted.history_.groupby("epoch")["valid_loss__mass"].mean()
    assert curves_of(losses)["mass (validation)"] == pytest.approx(mean.tolist())


def test_curves_of_a_portfolio_are_those_of_its_first_recipe():
    recipes = {"long": {"max_epochs": 5}, "short": {"max_epochs": 2}}
    fitted = net(ensemble=Portfolio(recipes), n_members=2, max_epochs=5).fit(X, Y)
    losses = LearningHistoryDisplay.from_estimator(fitted).axes_[0]
    first = fitted.history_.query("recipe == 'long'").groupby("epoch")["train_loss__mass"].mean()
    assert curves_of(losses)["mass (training)"] == pytest.approx(first.tolist())


def test_axes_of_the_user(validated):
    figure, axes = pyplot.subplots(1, 2)
    display = LearningHistoryDisplay.from_estimator(validated, axes=axes)
    assert display.figure_ is figure
    assert all(ax.lines for ax in axes)


def test_further_metrics_have_panels_of_their_own():
    metrics = {"species": ["roc_auc", "neg_log_loss"], "mass": "neg_max_error"}
    fitted = net(early_stopping=True, metrics=metrics).fit(X, Y)
    display = LearningHistoryDisplay.from_estimator(fitted)
    history = fitted.history_
    _, scores, further = display.axes_
    assert curves_of(scores) == {f"{task} (validation)": history[f"valid_score__{task}"].tolist() for task in Y}
    assert curves_of(further) == {"species (validation)": history["valid_neg_log_loss__species"].tolist()}
    assert further.get_ylabel() == "neg_log_loss per task"
