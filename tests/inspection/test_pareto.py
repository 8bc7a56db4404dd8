import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from sklearn.model_selection import KFold

from sklearn_mtl.inspection import ParetoFrontDisplay
from sklearn_mtl.metrics import make_multitask_scorer
from sklearn_mtl.model_selection import TaskWeightSearchCV, non_dominated

from .._helpers import inputs, mixed_targets, net

matplotlib.use("agg")

X = inputs(60)
Y = mixed_targets(X)


@pytest.fixture(scope="module")
def search():
    grid = {"task_weights__mass": [0.01, 0.3, 10.0], "task_weights__species": [0.01, 10.0]}
    return TaskWeightSearchCV(net(max_epochs=4), grid, cv=KFold(3)).fit(X, Y)


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


def drawn(ax, label):
    """Return the points of the first line with a label."""
    return next(np.column_stack(line.get_data()) for line in ax.get_lines() if line.get_label() == label)


def rows(points):
    return sorted(map(tuple, points))


def test_two_tasks_are_a_scatter_with_the_front(search):
    display = ParetoFrontDisplay.from_search(search, ["species", "mass"])
    scores = np.column_stack([search.cv_results_[f"mean_test_tasks_{name}"] for name in ("species", "mass")])
    front = non_dominated(scores)
    assert rows(drawn(display.ax_, "Pareto front")) == rows(scores[front])
    assert rows(drawn(display.ax_, "other candidates")) == rows(scores[~front])
    assert drawn(display.ax_, "chosen").tolist() == [scores[search.best_index_].tolist()]
    assert display.front_.tolist() == front.tolist()
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == (
        "species (validation score)",
        "mass (validation score)",
    )


def test_more_tasks_are_parallel_axes(search):
    display = ParetoFrontDisplay.from_search(search)
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == list(Y)
    heights = drawn(display.ax_, "chosen")[:, 1]
    for name, height in zip(Y, heights, strict=True):
        scores = search.cv_results_[f"mean_test_tasks_{name}"]
        worst, best = scores.min(), scores.max()
        assert height == pytest.approx((scores[search.best_index_] - worst) / (best - worst or 1.0))
    assert np.flatnonzero(display.front_).tolist() == search.pareto_front_["index"].tolist()


def test_another_choice_is_marked(search):
    chosen = search.choose(maximize="mass")
    display = ParetoFrontDisplay.from_search(search, ["species", "mass"], chosen=chosen)
    assert drawn(display.ax_, "chosen")[0, 1] == search.cv_results_["mean_test_tasks_mass"].max()


def test_axes_of_the_user_are_drawn_on(search):
    figure, ax = pyplot.subplots()
    display = ParetoFrontDisplay.from_search(search, ["species", "mass"], ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure


@pytest.mark.parametrize("n_tasks", [2, 3])
@pytest.mark.parametrize("scores", ["some failed", "all failed", "one", "equal"])
def test_any_scores_are_drawn(n_tasks, scores):
    values = {
        "some failed": np.vstack([np.full((2, n_tasks), np.nan), np.eye(n_tasks)]),
        "all failed": np.full((2, n_tasks), np.nan),
        "one": np.ones((1, n_tasks)),
        "equal": np.ones((3, n_tasks)),
    }[scores]
    display = ParetoFrontDisplay(values, [f"task {i}" for i in range(n_tasks)], chosen=0).plot()
    display.figure_.canvas.draw()
    assert display.front_.sum() == (~np.isnan(values).any(axis=1)).sum()


@pytest.mark.parametrize("tasks", [["mass"], ["mass", "mass"], ["mass", "weight"], []])
def test_two_known_tasks_are_needed(search, tasks):
    with pytest.raises(ValueError, match="at least two different ones"):
        ParetoFrontDisplay.from_search(search, tasks)


@pytest.fixture(scope="module")
def by_metrics():
    scoring = make_multitask_scorer({"species": "roc_auc", "mass": "neg_mean_absolute_error"})
    grid = {"task_weights__mass": [0.01, 0.3, 10.0], "task_weights__species": [0.01, 10.0]}
    return TaskWeightSearchCV(net(max_epochs=4), grid, cv=KFold(3), scoring=scoring, refit=False).fit(X, Y)


METRICS = ["species_roc_auc", "mass_neg_mean_absolute_error"]


def test_metrics_are_drawn_with_error_bars_and_weights(by_metrics):
    display = ParetoFrontDisplay.from_search(by_metrics, metrics=METRICS, error_bars=True, show_weights=True)
    results = by_metrics.cv_results_
    scores = np.column_stack([results[f"mean_test_{name}"] for name in METRICS])
    front = non_dominated(scores)
    assert rows(drawn(display.ax_, "Pareto front")) == rows(scores[front])
    assert display.ax_.get_xlabel() == "species_roc_auc (validation score)"
    bars = [container.lines[2] for container in display.ax_.containers]
    assert len(bars) == front.sum()
    for row, (across, along) in zip(np.flatnonzero(front), bars, strict=True):
        for axis, lines in enumerate((across, along)):
            (ends,) = lines.get_segments()
            half = results[f"std_test_{METRICS[axis]}"][row]
            np.testing.assert_allclose(ends[:, axis], scores[row, axis] + np.array([-half, half]))
    texts = [text.get_text() for text in display.ax_.texts]
    params = [results["params"][row] for row in np.flatnonzero(front)]
    assert texts == [
        f"mass {p['task_weights__mass']:.3g}, species {p['task_weights__species']:.3g}" for p in params
    ]


def test_error_bars_on_parallel_axes(search):
    display = ParetoFrontDisplay.from_search(search, error_bars=True)
    assert len(display.ax_.containers) == len(search.pareto_front_["index"])


def test_weights_of_whole_mappings_and_pipelines_are_written():
    from sklearn_mtl.inspection._pareto import _weights_in

    params = {"step__task_weights": {"a": 0.25}, "step__task_weights__b": 3.0, "max_epochs": 4}
    assert _weights_in(params) == "a 0.25, b 3"
    assert _weights_in({"task_weights": None}) == ""


@pytest.mark.parametrize("metrics", [["species_roc_auc"], ["species_roc_auc", "mass_r2"]])
def test_two_known_metrics_are_needed(by_metrics, metrics):
    with pytest.raises(ValueError, match=r"should be .*different ones of"):
        ParetoFrontDisplay.from_search(by_metrics, metrics=metrics)
    with pytest.raises(ValueError, match="pass only one of them"):
        ParetoFrontDisplay.from_search(by_metrics, ["species", "mass"], metrics=METRICS)
