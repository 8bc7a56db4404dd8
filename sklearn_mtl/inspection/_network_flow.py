"""Display of a network as a diagram of shared and private parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.utils.validation import check_is_fitted

from ..architectures import Architecture, resolve_architecture
from ..diagram._layout import FONT_SIZE, HEAD, STYLES, Box, Curve, Layout, LegendEntry, lay_out
from ..estimator import MultiTaskNetEstimator
from ..estimator._html import fitted_flow
from ..utils._optional import import_optional
from ..utils._types import AxesLike

INK = "#1f2328"


class NetworkFlowDisplay:
    """Diagram of the data flow from the inputs to the tasks.

    Boxes are parts of the network; their colour shows whether they are shared or belong to one task. A round box
    mixes its inputs with learned weights. Create it with `from_estimator` or `from_architecture`; `plot` draws it.

    Parameters
    ----------
    flow : Flow
        Output of ``flow`` of an architecture.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    ax_ : matplotlib Axes
        The axes.
    boxes_ : dict of str to matplotlib Patch
        The box of each part, by the name of its node in the flow.

    See Also
    --------
    GateWeightsDisplay : How much each task takes from each expert.

    Examples
    --------
    >>> from sklearn_mtl.architectures import PLE
    >>> from sklearn_mtl.inspection import NetworkFlowDisplay
    >>> display = NetworkFlowDisplay.from_architecture(PLE(n_shared=2), ["species", "mass"])
    >>> [text.get_text() for text in display.ax_.texts][:5]
    ['X', 'species 0', 'shared 0', 'shared 1', 'mass 0']
    """

    def __init__(self, flow: Any) -> None:
        self.flow = flow

    @classmethod
    def from_estimator(
        cls, estimator: MultiTaskNetEstimator, *, tasks: Sequence[str] | None = None, ax: AxesLike = None
    ) -> NetworkFlowDisplay:
        """Draw the network of a fitted estimator.

        Parameters
        ----------
        estimator : MultiTaskNetEstimator
            Fitted.
        tasks : sequence of str or None, default=None
            Tasks to draw; None for all.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        NetworkFlowDisplay
            Tasks that were not trained, or were added later, read the shared representation.

        Raises
        ------
        ValueError
            If a task is unknown.
        """
        check_is_fitted(estimator)
        names = estimator.task_names_
        unknown = [name for name in tasks or () if name not in names]
        if unknown or isinstance(tasks, str):
            raise ValueError(f"tasks={tasks!r} should name some of the tasks {names}.")
        drawn = names if tasks is None else [name for name in names if name in tasks]
        return cls(fitted_flow(estimator._model.blueprint, drawn)).plot(ax=ax)

    @classmethod
    def from_architecture(
        cls, architecture: str | Architecture, tasks: Sequence[str], *, ax: AxesLike = None
    ) -> NetworkFlowDisplay:
        """Draw the network that an architecture builds for the given tasks.

        Parameters
        ----------
        architecture : str or Architecture
            For instance "mmoe".
        tasks : sequence of str
            Names of the tasks.
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        NetworkFlowDisplay
        """
        return cls(resolve_architecture(architecture).flow(list(tasks))).plot(ax=ax)

    def plot(self, *, ax: AxesLike = None) -> NetworkFlowDisplay:
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure in which the text has its normal size.

        Returns
        -------
        self
        """
        pyplot = import_optional("matplotlib.pyplot", "plots", "NetworkFlowDisplay")
        layout = lay_out(self.flow)
        if ax is None:
            _, ax = pyplot.subplots(figsize=(layout.width / 72, layout.height / 72), layout="constrained")
        ax.set(xlim=(0, layout.width), ylim=(layout.height, 0), aspect="equal")
        ax.set_axis_off()
        size = FONT_SIZE * _scale(ax, layout)
        for curve in layout.curves:
            ax.add_patch(_curve(curve))
        for box in layout.heads:
            ax.add_patch(_head(box))
        self.boxes_ = {box.node.name: ax.add_patch(_box(box)) for box in layout.boxes}
        for box in layout.boxes:
            _write(ax, box.x, box.y, box.text, size, color=INK, horizontalalignment="center")
        for entry in layout.legend:
            ax.add_patch(_legend_patch(entry))
            _write(ax, entry.text_x, entry.y, STYLES[entry.kind].legend, size)
        self.ax_ = ax
        self.figure_ = ax.figure
        return self


def _scale(ax: AxesLike, layout: Layout) -> float:
    """Return the number of figure points per point of the layout."""
    figure = ax.figure.canvas.figure
    if figure.get_layout_engine() is not None:
        figure.get_layout_engine().execute(figure)
    room = ax.get_window_extent()
    points = 72 / figure.dpi
    return min(room.width * points / layout.width, room.height * points / layout.height)


def _write(ax: AxesLike, x: float, y: float, text: str, size: float, **style: Any) -> None:
    # a dollar in the name of a task must not start math mode
    ax.text(x, y, text, fontsize=size, verticalalignment="center_baseline", parse_math=False, **style)


def _curve(curve: Curve) -> Any:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    path = Path(curve.points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    color = STYLES[curve.kind].line
    return PathPatch(path, facecolor="none", edgecolor=color, alpha=0.6, linewidth=1.1, zorder=1)


def _head(box: Box) -> Any:
    from matplotlib.patches import Polygon

    x, y, half = box.left, box.y, HEAD / 2
    corners = [(x, y), (x - HEAD, y - half), (x - HEAD, y + half)]
    return Polygon(corners, facecolor="0.5", edgecolor="none", zorder=2)


def _box(box: Box) -> Any:
    return _rounded(box.left, box.y - box.height / 2, box.width, box.height, box.radius, box.node.kind)


def _legend_patch(entry: LegendEntry) -> Any:
    return _rounded(entry.x - 6, entry.y - 5, 12, 10, 3, entry.kind)


def _rounded(x: float, y: float, width: float, height: float, radius: float, kind: str) -> Any:
    from matplotlib.patches import FancyBboxPatch

    style = STYLES[kind]
    return FancyBboxPatch(
        (x, y), width, height, boxstyle=f"round,pad=0,rounding_size={radius}",
        facecolor=style.fill, edgecolor=style.line, linewidth=1.0, zorder=3,
    )  # fmt: skip
