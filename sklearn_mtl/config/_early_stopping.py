"""When to stop before all epochs are trained, and what decides it."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from sklearn.base import BaseEstimator

from ..utils._params import Interval, StrOptions
from ..utils._same import same
from ..utils._warn import warn


class EarlyStopping(BaseEstimator):
    """Whether rows are held out for validation, what is watched on them, and how long it may fail to improve.

    Training stops when the validation rows have not improved for some epochs, and the best epoch is restored [1]_.
    The rows themselves are chosen by ``validation`` of the estimator.

    Parameters
    ----------
    when : bool, "auto" or "per_task", default="auto"
        Whether to stop early. "auto" does so from 100 labelled rows on, and for an ensemble from 10 rows on.
        "per_task" removes each task from training when its validation loss no longer improves, and stops with the
        last task. False trains all epochs; the other parameters then stop none of them.
    monitor : {"loss", "score"}, default="loss"
        What is watched: the mean validation loss or score of the trained tasks under ``score_weights``.
    n_iter_no_change : int >= 1, default=10
        Epochs without improvement after which training stops.

    References
    ----------
    .. [1] Prechelt, "Early Stopping - But When?", Neural Networks: Tricks of the Trade, 1998.

    Examples
    --------
    >>> from sklearn_mtl import EarlyStopping, MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(early_stopping=EarlyStopping(monitor="score", n_iter_no_change=20))
    MultiTaskNetEstimator(early_stopping=EarlyStopping(monitor='score',
                                                       n_iter_no_change=20))
    """

    _parameter_constraints: dict = {
        "when": [StrOptions({"auto", "per_task"}), "boolean"],
        "monitor": [StrOptions({"loss", "score"})],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, when: bool | str = "auto", monitor: str = "loss", n_iter_no_change: int = 10) -> None:
        self.when = when
        self.monitor = monitor
        self.n_iter_no_change = n_iter_no_change

    @property
    def is_off(self) -> bool:
        """Whether all epochs are trained, however many rows there are."""
        return not self.when

    def warn_if_idle(self) -> None:
        """Warn if a parameter is set, but early stopping is off."""
        if self.is_off and not same(self, EarlyStopping(self.when)):
            warn(
                f"early_stopping={self!r} trains all max_epochs, whatever monitor and n_iter_no_change are; set "
                "when=True or when='auto', or leave them out.",
            )


def resolve_early_stopping(early_stopping: Any) -> EarlyStopping:
    """Convert a value of ``when`` to a spec; return a spec unchanged."""
    return early_stopping if isinstance(early_stopping, EarlyStopping) else EarlyStopping(early_stopping)
