"""Positions of the rows of X that labels can belong to: tokens, columns, pixels."""

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
        Class name of the trunk, for messages.
    has_tokens : bool
        Whether the trunk returns a vector for each token or position of the map.
    lengths : ndarray of int of shape (n_samples,) or None
        Number of tokens of each row, for sequences.
    grid : (int, int) or None
        Height and width of the map of positions, for images.
    """

    trunk: str = "trunk"
    has_tokens: bool = False
    lengths: np.ndarray | None = None
    grid: tuple[int, int] | None = None

    @classmethod
    def in_rows(cls, X: RowsLike, trunk: Trunk) -> Positions:
        """Return the positions of the rows of X for a fitted trunk."""
        return cls(type(trunk).__name__, trunk.has_tokens, trunk.lengths(X), trunk.grid_)

    @property
    def sizes(self) -> tuple[np.ndarray | None, tuple[int, int] | None]:
        """Number of tokens of each row, and height and width of the map."""
        return self.lengths, self.grid

    def of(self, rows: np.ndarray) -> Positions:
        """Return the positions of some rows."""
        known = self.lengths is not None and len(self.lengths) == len(rows)
        return replace(self, lengths=self.lengths[rows]) if known else self  # type: ignore[index]

    def check(self, task: Task, y: np.ndarray) -> None:
        """Check that the rows of X have the positions that a task labels.

        Raises
        ------
        ValueError
            If they do not; for a wrong number of tags, the message names the row.
        """
        if task.labels_positions and not self.has_tokens:
            raise ValueError(
                f"{task!r} labels each {task.labelled_unit}, but {self.trunk} returns a vector per row"
            )
        if task.labels_pixels and self.grid is None:
            raise ValueError(f"{task!r} labels each pixel, but the rows of X are not images")
        if self.lengths is not None and len(self.lengths) == len(y):
            refuse_numbers_of_steps(y, self.lengths)
        if self.lengths is not None:
            task.check_lengths(y, self.lengths)


NO_POSITIONS = Positions()
