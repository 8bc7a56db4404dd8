"""A task and the labels of its tests."""

from __future__ import annotations

import copy

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor

from ..tasks import Encoded, Task


class TaskCase:
    """A task that is not fitted, and the labels of its tests.

    About ten rows are enough, if every class occurs in several of them.

    Parameters
    ----------
    task : Task
    labels : ndarray of n rows
        Labels without missing ones. For tokens and pixels, the axes of positions follow that of the rows.
    missing : ndarray of bool or None, default=None
        Labels to remove in tests of missing labels: shape (n,) for whole rows, the shape of ``labels`` for single
        labels. None removes every fourth row.
    partly : ndarray of n rows or None, default=None
        The labels with missing ones. None uses NaN in floats, and None in an object array otherwise.
    predictions : ndarray of n rows or None, default=None
        Predictions of a perfect network; None for ``labels``.
    grid : (int, int) or None, default=None
        Height and width of the map that is the input of a head of pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import Regression
    >>> from sklearn_mtl.testing import TaskCase
    >>> TaskCase(Regression(), np.arange(8.0)).partly
    array([ 0., nan,  2.,  3.,  4., nan,  6.,  7.])
    """

    def __init__(
        self,
        task: Task,
        labels: np.ndarray,
        missing: np.ndarray | None = None,
        partly: np.ndarray | None = None,
        predictions: np.ndarray | None = None,
        grid: tuple[int, int] | None = None,
    ) -> None:
        self.task = task
        self._labels = labels
        self.missing = np.arange(len(labels)) % 4 == 1 if missing is None else missing
        self._partly = take_away(labels, self.missing) if partly is None else partly
        self.predictions = labels if predictions is None else predictions
        self.grid = grid

    @property
    def labels(self) -> np.ndarray:
        """A copy of the labels, because a faulty task may modify it."""
        return copy.deepcopy(self._labels)

    @property
    def partly(self) -> np.ndarray:
        """A copy of the labels with missing ones."""
        return copy.deepcopy(self._partly)

    def spec(self) -> Task:
        """Return a copy of the task that is not fitted."""
        return clone(self.task)

    def fitted(self) -> Task:
        """Fit a copy of the task to all labels."""
        return self.spec().fit(self.labels)

    def no_labels(self) -> np.ndarray:
        """Return rows without any label."""
        return take_away(self.labels, np.ones(len(self.labels), dtype=bool))

    @property
    def positions(self) -> tuple[int, ...]:
        """Sizes of the axes between rows and elements."""
        return self.labels.shape[1 : 1 + self.task.position_axes]

    @property
    def without_label(self) -> np.ndarray:
        """Which rows have no label, (n,)."""
        return np.asarray(self.missing.reshape(len(self.labels), -1).all(axis=1))

    @property
    def with_all_labels(self) -> np.ndarray:
        """Which rows have all labels, (n,)."""
        return np.asarray(~self.missing.reshape(len(self.labels), -1).any(axis=1))

    def missing_elements(self, n_elements: int) -> np.ndarray:
        """Return which elements are missing in ``partly``, (n, positions, n_elements)."""
        axes = 2 + len(self.positions) - self.missing.ndim
        missing = self.missing.reshape(*self.missing.shape, *[1] * axes)
        return np.broadcast_to(missing, (len(self.labels), *self.positions, n_elements))

    def output(self, task: Task, *axes: int, seed: int = 0) -> Tensor:
        """Draw outputs ``(*axes, positions, K)``."""
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(*axes, *self.positions, task.n_outputs_, generator=generator, dtype=torch.float64)


def take_away(labels: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Remove labels: NaN for floats, None for all other types."""
    is_float = labels.dtype.kind == "f"
    left = labels.astype(labels.dtype if is_float else object)
    left[missing] = np.nan if is_float else None
    return left


def as_tensor(encoded: Encoded) -> Tensor:
    """Convert an encoded target to a tensor as in training: codes of classes stay integers."""
    target = torch.from_numpy(encoded.target)
    return target.long() if encoded.target.dtype.kind in "iu" else target.double()


def outputs_of_smallest_loss(
    task: Task, target: Tensor, positions: tuple[int, ...], steps: int = 200
) -> np.ndarray:
    """Find the outputs with the smallest loss, from zeros."""
    output = torch.zeros(len(target), *positions, task.n_outputs_, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([output], lr=0.2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        task.elementwise_loss(output, target).sum().backward()
        optimizer.step()
        schedule.step()
    return output.detach().numpy()
