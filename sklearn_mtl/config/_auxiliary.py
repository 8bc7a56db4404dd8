"""Tasks that are trained only because they help others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.base import BaseEstimator

from ..targets import name_of
from ..utils._params import StrOptions
from ..utils._warn import warn


class Auxiliary(BaseEstimator):
    """Tasks that are trained, but not answered for: they shape the layers that they share with other tasks [1]_.

    Early stopping and the weights of recipes watch the other tasks only.

    Parameters
    ----------
    tasks : sequence of str, default=()
        Names of the auxiliary tasks. At least one task of y must remain.
    decay : {"constant", "linear"}, default="constant"
        How their task weights change in training. "linear" lowers them in equal steps, from those of
        ``task_weights`` in the first epoch to 0 in the last of ``max_epochs``; a fit that stops early ends before.
        ``partial_fit`` keeps them.

    References
    ----------
    .. [1] Caruana, "Multitask Learning", Machine Learning, 1997.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import Auxiliary, MultiTaskNetRegressor
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> net = MultiTaskNetRegressor(auxiliary=Auxiliary(["Waist", "Pulse"], decay="linear"), max_epochs=5)
    >>> net.fit(X, y).predict(X).columns.tolist()
    ['Weight']
    """

    _parameter_constraints: dict = {"tasks": [list, tuple], "decay": [StrOptions({"constant", "linear"})]}

    def __init__(self, tasks: Sequence[str] = (), decay: str = "constant") -> None:
        self.tasks = tasks
        self.decay = decay

    def names_among(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the auxiliary tasks in the order of all tasks.

        Raises
        ------
        ValueError
            If a task is unknown or named twice, or no other task remains.

        Warns
        -----
        UserWarning
            If there is a decay, but no auxiliary task.
        """
        asked = [name_of(name, names) for name in self.tasks]
        unknown = [name for name in asked if name not in names]
        if unknown:
            raise ValueError(f"auxiliary names unknown tasks {unknown}; the tasks are {list(names)}.")
        if len(set(asked)) < len(asked):
            raise ValueError(f"auxiliary names a task twice: {list(self.tasks)}.")
        if len(asked) == len(names):
            raise ValueError(
                f"auxiliary names all tasks, {list(names)}; at least one must remain, which predict answers for."
            )
        if not asked and self.decay != "constant":
            warn(f"decay={self.decay!r} of Auxiliary has no effect, because auxiliary names no task.")
        return tuple(name for name in names if name in asked)

    def factor(self, epoch: int, max_epochs: int) -> float:
        """Return the factor of the task weights in an epoch, which is counted from 0."""
        if self.decay == "constant" or max_epochs == 1:
            return 1.0
        return max(0.0, 1 - epoch / (max_epochs - 1))

    @property
    def decays(self) -> bool:
        """Whether the task weights change in training."""
        return bool(self.tasks) and self.decay != "constant"


def resolve_auxiliary(auxiliary: Any) -> Auxiliary:
    """Convert a sequence of names to a spec, None to one without tasks; return a spec unchanged."""
    return auxiliary if isinstance(auxiliary, Auxiliary) else Auxiliary(() if auxiliary is None else auxiliary)
