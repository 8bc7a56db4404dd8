"""What the rows of X have that labels can belong to: tokens, columns, pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..tasks import Task, refuse_numbers_of_steps
from ..trunks import Trunk
from ..utils._types import RowsLike


@dataclass(frozen=True)
class Positions:
    """Tokens of the rows of X, or the map of its images.

    Parameters
    ----------
    trunk : str
        How the trunk is called in messages.
    has_tokens : bool
        Whether the trunk gives a vector for each token or position of the map.
    lengths : ndarray of int of shape (n_samples,) or None
        Tokens of each row, if rows are sequences.
    grid : (int, int) or None
        Height and width of the map, if rows are images.
    """

    trunk: str = "trunk"
    has_tokens: bool = False
    lengths: np.ndarray | None = None
    grid: tuple[int, int] | None = None

    @classmethod
    def in_rows(cls, X: RowsLike, trunk: Trunk) -> Positions:
        """Ask a fitted trunk what the rows of X have."""
        return cls(type(trunk).__name__, trunk.has_tokens, trunk.lengths(X), trunk.grid_)

    @property
    def sizes(self) -> tuple[np.ndarray | None, tuple[int, int] | None]:
        """Tokens of each row, and height and width of the map."""
        return self.lengths, self.grid

    def of(self, rows: np.ndarray) -> Positions:
        """Return the positions of some rows."""
        known = self.lengths is not None and len(self.lengths) == len(rows)
        return replace(self, lengths=self.lengths[rows]) if known else self  # type: ignore[index]

    def check(self, task: Task, y: np.ndarray) -> None:
        """Check that X has one token or pixel for each label of a task.

        Raises
        ------
        ValueError
            With the number of a row that has another number of tags than tokens.
        """
        if task.labels_positions and not self.has_tokens:
            raise ValueError(f"{task!r} labels each {task.labelled_unit}, but {self.trunk} gives a vector per row")
        if task.labels_pixels and self.grid is None:
            raise ValueError(f"{task!r} labels each pixel, but the rows of X are no images")
        if self.lengths is not None and len(self.lengths) == len(y):
            refuse_numbers_of_steps(y, self.lengths)
        if self.lengths is not None:
            task.check_lengths(y, self.lengths)


NO_POSITIONS = Positions()
