import matplotlib
import pytest
from matplotlib import pyplot
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_mtl.architectures import PLE, HardSharing, MMoE, TaskGraph
from sklearn_mtl.inspection import NetworkFlowDisplay

from .._helpers import inputs, mixed_targets, net

matplotlib.use("agg")

X = inputs(60)
Y = mixed_targets(X)
NAMES = list(Y)


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


def of_type(display, kind):
    return [patch for patch in display.ax_.patches if isinstance(patch, kind)]


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def sources(display, task):
    """Return the labels of the sources of a task."""
    flow = display.flow
    return [flow.nodes[source].label for source, target in flow.edges if target == f"task {task}"]


def test_every_part_is_a_box_with_its_name():
    display = NetworkFlowDisplay.from_architecture("mmoe", ["a", "b", "c"])
    display.figure_.canvas.draw()
    assert texts(display) == [
        "X", *(f"expert {i}" for i in range(4)), *["gate"] * 3, "a", "b", "c",
        "inputs", "shared", "mixture", "task",
    ]  # fmt: skip
    n_boxes, n_ways, n_kinds = 1 + 4 + 3 + 3, 4 + 12 + 3, 4
    assert len(display.boxes_) == n_boxes
    assert len(of_type(display, FancyBboxPatch)) == n_boxes + n_kinds
    assert len(of_type(display, PathPatch)) == n_ways
    assert len(of_type(display, Polygon)) == n_boxes - 1


def test_colours_tell_kinds_apart():
    display = NetworkFlowDisplay.from_architecture(PLE(tower_sizes=(3,)), ["a", "b"])
    kinds = {name: node.kind for name, node in display.flow.nodes.items()}
    colours = {kinds[name]: box.get_facecolor() for name, box in display.boxes_.items()}
    assert len(set(colours.values())) == len(colours) == 5
    assert all(box.get_facecolor() == colours[kinds[name]] for name, box in display.boxes_.items())


@pytest.mark.parametrize("architecture", [HardSharing(), MMoE(8), PLE(n_levels=2)], ids=repr)
@pytest.mark.parametrize("n_tasks", [1, 2, 8])
def test_text_fits_into_its_box(architecture, n_tasks):
    tasks = [f"WWW task {i} $x_{i}$ " + "W long" * i for i in range(n_tasks)]
    display = NetworkFlowDisplay.from_architecture(architecture, tasks)
    display.figure_.canvas.draw()
    for text, box in zip(display.ax_.texts, display.boxes_.values(), strict=False):
        inner, outer = text.get_window_extent(), box.get_window_extent()
        assert outer.x0 <= inner.x0
        assert inner.x1 <= outer.x1
        assert outer.height >= inner.height


def test_axes_of_the_user_are_drawn_on_with_smaller_text():
    figure, axes = pyplot.subplots(1, 2, figsize=(6, 2))
    wide = NetworkFlowDisplay.from_architecture("ple", ["a", "b"])
    display = NetworkFlowDisplay.from_architecture("ple", ["a", "b"], ax=axes[1])
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert display.ax_.texts[0].get_fontsize() < wide.ax_.texts[0].get_fontsize()
    assert wide.ax_.texts[0].get_fontsize() == pytest.approx(10, abs=1)
    assert not axes[0].texts


def test_a_display_can_be_drawn_again():
    display = NetworkFlowDisplay.from_architecture("independent", ["a"])
    first = display.ax_
    assert display.plot() is display
    assert display.ax_ is not first
    assert len(display.ax_.texts) == len(first.texts)


def test_subfigures_are_drawn_on():
    figure = pyplot.figure(layout="constrained")
    ax = figure.subfigures(1, 2)[0].subplots()
    assert NetworkFlowDisplay.from_architecture("mmoe", ["a", "b"], ax=ax).ax_ is ax
    figure.canvas.draw()


@pytest.fixture(scope="module")
def fitted():
    weights = {"mass": 0.0}
    return (
        net(architecture=PLE(n_specific=1, n_shared=2), task_weights=weights).fit(X, Y).add_task("new", X, X[:, 0])
    )


def test_tasks_of_a_fitted_network(fitted):
    display = NetworkFlowDisplay.from_estimator(fitted)
    last = [node.label for node in display.flow.columns[-1]]
    assert last == [name for name in NAMES if name != "mass"] + ["mass", "new"]
    assert sources(display, "species") == ["gate"]
    assert not any("mass 0" in text for text in texts(display))


def test_tasks_beside_the_network_read_what_the_others_share(fitted):
    display = NetworkFlowDisplay.from_estimator(fitted)
    assert sources(display, "mass") == sources(display, "new") == ["shared 0", "shared 1"]


def test_some_tasks_are_drawn(fitted):
    display = NetworkFlowDisplay.from_estimator(fitted, tasks=["new", "sick"])
    assert [node.label for node in display.flow.columns[-1]] == ["sick", "new"]


@pytest.mark.parametrize("tasks", [["weight"], ["mass", "weight"], "mass"])
def test_unknown_tasks_are_refused(fitted, tasks):
    with pytest.raises(ValueError, match="should name some of the tasks"):
        NetworkFlowDisplay.from_estimator(fitted, tasks=tasks)


def test_a_fitted_estimator_is_needed(fitted):
    with pytest.raises(NotFittedError):
        NetworkFlowDisplay.from_estimator(clone(fitted))


def test_the_picture_is_that_of_the_fitted_architecture(fitted):
    changed = fitted.__copy__().set_params(architecture="hard_sharing")
    display, other = (NetworkFlowDisplay.from_estimator(estimator) for estimator in (fitted, changed))
    assert display.flow == other.flow


def test_parents_that_are_not_trained_are_no_parents():
    graph = TaskGraph({"mass": ["species", "sick"]})
    estimator = net(architecture=graph, task_weights={"sick": 0}).fit(X, Y)
    assert sources(NetworkFlowDisplay.from_estimator(estimator), "mass") == ["trunk", "species"]


def test_an_ensemble_is_drawn_as_one_of_its_networks():
    estimator = net(n_members=2).fit(X, Y)
    assert sources(NetworkFlowDisplay.from_estimator(estimator), "mass") == ["trunk"]


def test_unknown_architectures_are_refused():
    with pytest.raises(ValueError, match="architecture='soft'"):
        NetworkFlowDisplay.from_architecture("soft", ["a"])
