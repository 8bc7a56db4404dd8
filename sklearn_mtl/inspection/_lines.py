"""Base of displays with a line for each task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

from ..utils._optional import import_optional
from ..utils._types import AxesLike


class LinesDisplay(ABC):
    """Base class of displays that draw a line for each task."""

    #: width and height of a new figure; None for matplotlib's
    _size: ClassVar[tuple[float, float] | None] = (4.8, 4.8)

    @abstractmethod
    def _draw(self, ax: Any) -> dict[Any, Any]:
        """Draw the lines, and return them by task."""

    def plot(self, *, ax: AxesLike = None) -> Self:
        """Draw the lines of the tasks.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        pyplot = import_optional("matplotlib.pyplot", "plots", type(self).__name__)
        if ax is None:
            _, ax = pyplot.subplots(figsize=self._size, layout="constrained")
        self.lines_ = self._draw(ax)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self
