"""Sets for rows in the order of time: levels that follow the share of labels that was missed."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
from sklearn.utils.validation import _num_samples

from ..estimator._learning import indexed_by_rows
from ..targets import Targets
from ..utils._types import RowsLike, TargetsLike
from ..utils._warn import each_once
from ._calibration import Calibration
from ._delegation import CalibratedNetMixin
from ._methods import labels_of
from ._scorers import Classes, Scorer, Scores
from ._sources import Source


class OnlineMixin(CalibratedNetMixin):
    """Updates of calibrated sets by the labels of new rows."""

    confidence_level: float
    joint: str | None
    methods_: dict[str, str]
    n_calibration_: dict[str, int]
    _calibration: Calibration
    #: levels that updates have moved, by task
    _moved: dict[str, float]

    @property
    def levels_(self) -> dict[str, float]:
        """Confidence level of the sets of each task, which `update` moves; from 1 on they hold every label."""
        return {name: self._moved.get(name, self.confidence_level) for name in self.methods_}

    @each_once()
    def update(self, X: RowsLike, y: TargetsLike, *, step: float = 0.02, window: int | None = None) -> OnlineMixin:
        """Adapt the sets to the labels of the latest rows, for rows in the order of time [1]_.

        Call it with the rows that `predict_set` returned sets for, once their labels are known, and again with the
        next ones. The level of a task rises by ``step * confidence_level`` for each label that its set missed, and
        falls by ``step * (1 - confidence_level)`` for each other one. The rows then become calibration rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs, in the order of time.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            Targets; a missing label is NaN, None or pandas' NA.
        step : float >= 0, default=0.02
            How fast levels move; 0 leaves them as they are. A large step follows a drift faster, with levels that
            vary more.
        window : int >= 1 or None, default=None
            Number of the latest calibration rows that are kept, these rows included; None keeps all.

        Returns
        -------
        self

        Raises
        ------
        NotFittedError
            Before `conformalize`.
        ValueError
            If a parameter, X or y is invalid, or the sets are joint, of several predictors, or calibrated with
            weights or groups.

        Notes
        -----
        Nothing is assumed of the rows: neither that they are exchangeable, nor how they drift. Let T labels of a
        task be passed, at most b at once, and let a be ``1 - confidence_level``. The share of them that their sets
        missed, or the mean of the shares for the methods "fnr" and "entities", is at most ``a + (a / step + b) /
        T`` [1]_, as long as no label is new to the network. This is for all rows of the past, not for each one.

        References
        ----------
        .. [1] Gibbs and Candes, "Adaptive Conformal Inference Under Distribution Shift", NeurIPS 2021.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_mtl import MultiTaskNetEstimator
        >>> from sklearn_mtl.uncertainty import ConformalMultiTask
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(300, 2))
        >>> y = {"load": X[:, 0] + np.linspace(0.1, 2, 300) * rng.normal(size=300)}
        >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=30, random_state=0)
        >>> net = net.fit(X[:100], {"load": y["load"][:100]})
        >>> conformal = ConformalMultiTask(net).conformalize(X[100:200], {"load": y["load"][100:200]})
        >>> before = conformal.thresholds_["load"]
        >>> for day in range(200, 300):
        ...     sets = conformal.predict_set(X[day : day + 1])
        ...     conformal = conformal.update(X[day : day + 1], {"load": y["load"][day : day + 1]}, window=50)
        >>> bool(conformal.thresholds_["load"] > before)
        True
        """
        this = cast(Any, self)  # with the methods of `ConformalMultiTask`
        source, scorers = this._source, this._scorers
        self._check_update(source, step, window)
        rows, truth = indexed_by_rows(X), labels_of(y, list(self.methods_), list(self.tasks_))
        n_rows = _num_samples(rows)
        if len(truth) != n_rows:
            raise ValueError(f"X has {n_rows} rows, and y has {len(truth)}.")
        strata = this._strata_of(X)
        said = source.at(X, this._asked(scorers))(0)
        sets = this._sets(scorers, [said], this._level(None), np.ones(n_rows), strata)
        inside = {name: scorer.covered(truth[name], sets[name])[0] for name, scorer in scorers.items()}
        self._moved = {
            name: _moved(level, self.confidence_level, step, inside[name]) for name, level in self.levels_.items()
        }
        scores = {name: scorer.scores(said[name], truth[name]) for name, scorer in scorers.items()}
        codes = _codes(self._calibration, scorers, truth, strata)
        self._calibration = _extended(self._calibration, scores, codes, n_rows, window)
        self.n_calibration_ = self._calibration.counts
        return self

    def _check_update(self, source: Source, step: Any, window: Any) -> None:
        if isinstance(step, bool) or not isinstance(step, Real) or not 0 <= float(step) < float("inf"):
            raise ValueError(f"step={step!r} should be a finite number of at least 0.")
        if window is not None and (isinstance(window, bool) or not isinstance(window, Integral) or window < 1):
            raise ValueError(f"window={window!r} should be an integer of at least 1, or None.")
        if self.joint is not None:
            raise ValueError(f"update moves the level of each task; joint={self.joint!r} has one level for all.")
        if source.n_predictors > 1:
            raise ValueError(
                "update needs sets of one predictor, as conformalize makes them, or fit with a float."
            )
        if self._calibration.groups is not None or (self._calibration.weights != 1).any():
            raise ValueError("update takes calibration rows without weights and groups; set a window instead.")


def _moved(level: float, target: float, step: float, inside: np.ndarray) -> float:
    """Return the level after the labels of some rows, of which shares (n_rows, n_columns) are in their sets."""
    known = ~np.isnan(inside)
    rows = known.any(axis=1)
    found = np.where(known, inside, 0.0)[rows].sum(axis=1) / known[rows].sum(axis=1)
    return max(0.0, level + step * float((target - found).sum()))


def _codes(
    calibration: Calibration, scorers: Mapping[str, Scorer], truth: Targets, strata: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Return the codes of the groups of new rows, for the tasks that have thresholds by group."""
    if strata is not None:
        return dict.fromkeys(calibration.strata, strata)
    by_class = ((name, scorers[name]) for name in calibration.strata)
    return {name: scorer.codes(truth[name]) for name, scorer in by_class if isinstance(scorer, Classes)}


def _extended(
    calibration: Calibration,
    scores: Mapping[str, list[Scores]],
    codes: Mapping[str, np.ndarray],
    n_rows: int,
    window: int | None,
) -> Calibration:
    """Return the calibration with further rows, or the latest of all."""
    n_before = len(calibration.sources)
    first = 0 if window is None else max(0, n_before + n_rows - window)
    joined = {
        name: [old.followed_by(new, first) for old, new in zip(each, scores[name], strict=True)]
        for name, each in calibration.scores.items()
    }
    n_kept = n_before + n_rows - first
    return calibration._replace(
        scores=joined,
        sources=np.zeros(n_kept, dtype=np.intp),
        weights=np.ones(n_kept),
        strata={name: np.concatenate([each, codes[name]])[first:] for name, each in calibration.strata.items()},
    )
