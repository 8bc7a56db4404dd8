"""Conformal prediction: intervals and sets that hold the labels of each task with a given probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _num_samples

from ..data import check_groups
from ..estimator._learning import indexed_by_rows
from ..targets import Targets
from ..utils._optional import import_optional
from ..utils._params import ArrayLike, HasMethods, Interval, Splitter, StrOptions
from ..utils._types import RowsLike, TargetsLike
from ..utils._warn import each_once, warn
from ._calibration import Level, sets_of, warn_of_few
from ._coverage import coverage_table
from ._delegation import as_it_is, require_fitted
from ._fit import Fitted, fit_and_hold_out
from ._methods import METHODS, chosen_tasks, labels_of, scorers_of
from ._online import OnlineMixin
from ._said import Asked, Said, inner_net
from ._score_rows import Rows, calibrated, checked_weights
from ._scorers import Scorer
from ._sources import Source, source_of
from ._strata import coded, column_of


class ConformalMultiTask(OnlineMixin, BaseEstimator):
    """Intervals and sets for the tasks of a network, which hold the labels with a given probability.

    `conformalize` scores how badly the labels of rows that the network did not learn conform to its predictions.
    `predict_set` returns, for each task, all labels whose score is not above the quantile of these scores [1]_.
    For numbers this is an interval, for classes a set of classes. If the calibration rows and the new ones are
    exchangeable, a set holds the true label with at least the probability ``confidence_level``, whatever the
    network and the distribution. This is the mean over draws of calibration rows and new rows, not a promise for
    one row.

    Parameters
    ----------
    net : MultiTaskNetEstimator, FrozenEstimator or Pipeline
        For `conformalize` it is fitted, maybe frozen or at the end of a pipeline; for `fit` it is a network that
        is cloned, or a pipeline that ends in one.
    confidence_level : float in (0, 1), default=0.9
        Probability with which a set should hold the label. For the methods "fnr" and "entities" it is 1 minus the
        mean share of what the sets of a row miss.
    joint : {None, "bonferroni", "max"}, default=None
        None is for each task, and each column of a task, on its own. Otherwise the sets of all tasks hold all
        labels of a row at once with the probability ``confidence_level``. "bonferroni" divides ``1 -
        confidence_level`` by the number of tasks and, within a task, of columns. "max" takes the largest rank of
        a row over the tasks, from rows that have labels of all tasks; its sets are smaller where tasks depend on
        each other.
    method : str or mapping of str to str, default="auto"
        How labels are scored: one for each task, or one for all tasks that it suits.

        - Numbers: "absolute", the absolute residual; "normalised", the same divided by the spread of the networks
          and of a learned distribution (``predict_std``), but at least by 5% of a standard deviation of the
          target; "quantile", the distance from the interval between two quantiles [2]_, for tasks with
          ``predict_quantiles``. "auto" is "normalised" where there is a spread, else "absolute".
        - Classes: "lac", 1 minus the probability [3]_, which has the smallest sets and may return an empty one;
          "aps", the probability of the class and those that are more probable [4]_; "raps", the same plus 0.05 for
          each rank after the second [5]_. Sets of the last two hold the most probable class. "auto" is "lac".
        - Sets of labels: "fnr", which controls the mean share of true labels that are missed [6]_; "coverage",
          sets that hold all true labels with the probability. "auto" is "fnr", and "coverage" if ``joint`` is not
          None.
        - Tags of tokens: a set of labels for each token. "fnr" controls the mean share of the labelled tokens of
          a row whose sets lack the label [6]_; "entities" the mean share of the entities of a row of which a token
          is missed, from rows that have entities; "coverage" misses no token of a row with the probability.
          "auto" is as for sets of labels.
    by : str, int or None, default=None
        Groups of rows that have thresholds of their own [7]_. It names a column of X, or its position. Or it
        names a task of classes: the level then holds for each class of this task, and other tasks are as without
        it. A group with too few rows takes the threshold of all rows, with a warning; rows whose group is missing
        do so too.
    tasks : sequence of str or None, default=None
        Tasks to build sets for; None is for all. Tasks whose pixels have labels are refused.
    cv : None, float in (0, 1), int >= 2 or splitter, default=None
        Which rows `fit` calibrates by. None takes the rows that the members of the ensemble held out, without a
        further fit. A float is the share of rows that is split off. An int or a splitter of scikit-learn is for
        cross-conformal sets of so many further fits, with a last one to all rows for `predict`.
    random_state : int, RandomState instance or None, default=None
        Source of the splits of ``cv``.

    Attributes
    ----------
    net_ : object
        The fitted network.
    estimators_ : list
        With folds, the networks of the folds.
    methods_ : dict of str to str
        The method of each task.
    n_calibration_ : dict of str to int
        Number of labelled calibration rows of each task.
    thresholds_ : dict of str to float or ndarray of shape (n_columns,)
        Largest score in a set, for all rows together; inf if there are too few. Only if there is one predictor.
    levels_ : dict of str to float
        Confidence level of the sets of each task; `update` moves it.
    classes_, tasks_, task_names_, n_features_in_, feature_names_in_ : object
        Those of the network.

    See Also
    --------
    CalibratedMultiTask : Probabilities that agree with frequencies.
    selective_curve : How wrong the most certain predictions are.

    Notes
    -----
    **Guarantees.** `conformalize`, and `fit` with a float as ``cv``: at least ``confidence_level``, and for scores
    without ties at most 1 / (n + 1) more. With folds (CV+ [8]_): at least ``2 * confidence_level - 1`` minus a
    term of order 1 / sqrt(n), in practice about ``confidence_level``. With ``cv=None`` each held-out row is
    predicted by the members that did not learn it, as in CV+. But the held-out rows also choose when training
    stops and the weights of recipes, so that no guarantee holds exactly; with many rows the difference is small.

    A task is calibrated by its labelled rows. The level then holds for rows like these, which rows whose labels
    are missing for a reason need not be. A set holds every label if fewer than ``1 / (1 - confidence_level) - 1``
    rows are labelled, and a warning says so. The bounds of counts are at least 0.

    The labels of one group of rows, such as those of one patient, are not exchangeable with others; pass
    ``groups``.

    References
    ----------
    .. [1] Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", Springer, 2005.
    .. [2] Romano, Patterson and Candes, "Conformalized Quantile Regression", NeurIPS 2019.
    .. [3] Sadinle, Lei and Wasserman, "Least Ambiguous Set-Valued Classifiers With Bounded Error Levels", JASA,
       2019.
    .. [4] Romano, Sesia and Candes, "Classification with Valid and Adaptive Coverage", NeurIPS 2020.
    .. [5] Angelopoulos, Bates, Malik and Jordan, "Uncertainty Sets for Image Classifiers using Conformal
       Prediction", ICLR 2021.
    .. [6] Angelopoulos, Bates, Fisch, Lei and Schuster, "Conformal Risk Control", ICLR 2024.
    .. [7] Vovk, "Conditional Validity of Inductive Conformal Predictors", Machine Learning, 2013.
    .. [8] Barber, Candes, Ramdas and Tibshirani, "Predictive Inference with the Jackknife+", Annals of Statistics,
       2021.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> from sklearn_mtl.uncertainty import ConformalMultiTask
    >>> X, species = load_iris(return_X_y=True)
    >>> y = Targets(species=species, petal_width=X[:, 3])
    >>> net = MultiTaskNetEstimator(n_members=2, max_epochs=30, random_state=0).fit(X[::2, :3], y[::2])
    >>> conformal = ConformalMultiTask(net, confidence_level=0.9).conformalize(X[1::2, :3], y[1::2])
    >>> sets = conformal.predict_set(X[:4, :3])
    >>> sets["species"].shape, sets["petal_width"].shape
    ((4, 3), (4, 2))
    >>> conformal.methods_
    {'species': 'lac', 'petal_width': 'normalised'}
    """

    _how = "call conformalize or fit"
    _parameter_constraints: ClassVar[dict] = {
        "net": [HasMethods("predict")],
        "confidence_level": [Interval(Real, 0, 1, closed="neither")],
        "joint": [StrOptions({"bonferroni", "max"}), None],
        "method": [StrOptions(set(METHODS)), Mapping],
        "by": [str, Integral, None],
        "tasks": [ArrayLike(), None],
        "cv": [
            Interval(Real, 0, 1, closed="neither"),
            Interval(Integral, 2, None, closed="left"),
            Splitter(),
            None,
        ],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        net: Any,
        confidence_level: float = 0.9,
        *,
        joint: str | None = None,
        method: str | Mapping[str, str] = "auto",
        by: str | int | None = None,
        tasks: Sequence[str] | None = None,
        cv: Any = None,
        random_state: Any = None,
    ) -> None:
        self.net = net
        self.confidence_level = confidence_level
        self.joint = joint
        self.method = method
        self.by = by
        self.tasks = tasks
        self.cv = cv
        self.random_state = random_state

    @each_once()
    def conformalize(
        self, X: RowsLike, y: TargetsLike, *, weights: Any = None, groups: Any = None
    ) -> ConformalMultiTask:
        """Calibrate the sets by rows that the network did not learn.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            Targets; a missing label is NaN, None or pandas' NA.
        weights : array-like of shape (n_samples,), default=None
            Weight of each row, at least 0. It may be the ratio of the densities of new and calibration rows, for
            covariates that have shifted [1]_; `predict_set` then takes those of the new rows. Or it decreases with
            the age of a row, from 1 for the last one, for data that drifts [2]_.
        groups : array-like of shape (n_samples,), default=None
            The group of each row. The labelled rows of a group then weigh together as much as one row, and the
            level holds for a row of a new group [3]_.

        Returns
        -------
        self

        Raises
        ------
        NotFittedError
            If the network is not fitted.
        ValueError, TypeError
            If a parameter, X or y is invalid, or a method does not suit its task.

        Warns
        -----
        UserWarning
            If a task or a group has too few rows for the level; the message says how many are needed.

        References
        ----------
        .. [1] Tibshirani, Barber, Candes and Ramdas, "Conformal Prediction Under Covariate Shift", NeurIPS 2019.
        .. [2] Barber, Candes, Ramdas and Tibshirani, "Conformal Prediction Beyond Exchangeability", Annals of
           Statistics, 2023.
        .. [3] Lee, Barber and Willett, "Distribution-Free Inference with Hierarchical Data", 2023.
        """
        self._validate_params()
        require_fitted(self.net, "conformalize")
        if self.joint == "max" and (weights is not None or groups is not None):
            raise ValueError("joint='max' takes neither weights nor groups; use joint='bonferroni'.")
        net = as_it_is(self.net)
        sources = np.zeros(_num_samples(indexed_by_rows(X)), dtype=np.intp)
        return self._calibrate(Fitted(net, sources), X, y, weights, groups)

    @each_once()
    def fit(self, X: RowsLike, y: TargetsLike, *, groups: Any = None) -> ConformalMultiTask:
        """Fit a clone of the network, and calibrate the sets by rows that were held out; see ``cv``.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            Targets; a missing label is NaN, None or pandas' NA.
        groups : array-like of shape (n_samples,), default=None
            The group of each row. Whole groups are held out, and the calibration rows of a group weigh together as
            much as one row.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            As for ``fit`` of the network; also if the network is frozen, or with ``cv=None`` held out no rows.

        Warns
        -----
        UserWarning
            If a task or a group has too few rows for the level; the message says how many are needed.
        """
        self._validate_params()
        if self.joint == "max" and groups is not None:
            raise ValueError("joint='max' takes no groups; use joint='bonferroni'.")
        fitted = fit_and_hold_out(self.net, X, y, groups, self.cv, self.random_state)
        return self._calibrate(fitted, X, y, None, groups)

    def predict_set(self, X: RowsLike, *, confidence_level: float | None = None, weights: Any = None) -> Targets:
        """Return the intervals and sets of the tasks.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        confidence_level : float in (0, 1) or None, default=None
            Another level than the parameter; None takes that.
        weights : array-like of shape (n_samples,), default=None
            Weights of the rows, in the units of those in `conformalize`; None is for weights of 1.

        Returns
        -------
        Targets
            For numbers lower and upper bounds of shape (n_samples, 2), in the units of the target, or
            (n_samples, n_columns, 2) for several columns; for classes and sets of labels bool of shape
            (n_samples, n_classes), with columns in the order of ``classes_``. For tags of tokens it is an array of
            objects, bool of shape (n_tokens, n_classes) for each row; for columns of images (n_samples, n_columns,
            n_classes).

        Raises
        ------
        NotFittedError
            Before `conformalize` or `fit`.
        """
        source, scorers = self._source, self._scorers
        level = self._level(confidence_level)
        rows = indexed_by_rows(X)
        n_rows = _num_samples(rows)
        if confidence_level is not None and confidence_level != self.confidence_level:
            warn_of_few(self._calibration, level)
        test_weights = np.ones(n_rows) if weights is None else checked_weights(weights, n_rows)
        strata = self._strata_of(X)
        said_by = source.at(X, self._asked(scorers))
        said = [said_by(number) for number in range(source.n_predictors)]
        return Targets._of(self._sets(scorers, said, level, test_weights, strata), {}, {})

    def score_sets(self, X: RowsLike, y: TargetsLike, *, confidence_level: float | None = None) -> Any:
        """Compute how often the sets hold the labels of some rows, and how large they are.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        confidence_level : float in (0, 1) or None, default=None
            Another level than the parameter; None takes that.

        Returns
        -------
        DataFrame of one row for each task
            "coverage" is the share of labels in their sets, for the methods "fnr" and "entities" the mean share of
            a row; "size" the mean width of intervals, or number of classes; both are means over columns, and
            NaN without a label. "n_rows" is the number of labelled rows. With ``joint`` there is a row "all" with
            the share of rows with labels of all tasks whose sets hold all of them.
        """
        pandas = import_optional("pandas", "frames", "score_sets")
        sets = self.predict_set(X, confidence_level=confidence_level)
        truth = labels_of(y, list(self.methods_), list(self.tasks_))
        return coverage_table(pandas, self._scorers, truth, sets, with_all=self.joint is not None)

    @property
    def thresholds_(self) -> dict[str, Any]:
        """Largest score in a set of each task, for all rows together."""
        if self._source.n_predictors > 1:
            raise AttributeError("With several predictors there is no threshold that holds for all.")
        level, found = self._level(None), {}
        for name in self._scorers:
            pools = level.pools(name, self._calibration, self._calibration.everything)
            own = level.of(name, self._calibration)
            each = np.array([pool.thresholds(own, np.ones(1))[0] for pool in pools])
            found[name] = float(each[0]) if len(each) == 1 else each
        return found

    def _calibrate(
        self, fitted: Fitted, X: RowsLike, y: TargetsLike, weights: Any, groups: Any
    ) -> ConformalMultiTask:
        n_rows = len(fitted.sources)
        tasks = inner_net(fitted.net).tasks_
        own = {name: tasks[name] for name in chosen_tasks(list(tasks), self.tasks)}
        truth = labels_of(y, list(own), list(tasks))
        if len(truth) != n_rows:
            raise ValueError(f"X has {n_rows} rows, and y has {len(truth)}.")
        source = source_of(fitted.net, fitted.estimators, fitted.teams)
        scorers = scorers_of(own, self.method, self.joint, source)
        rows = Rows(
            X,
            truth,
            fitted.sources,
            np.ones(n_rows) if weights is None else checked_weights(weights, n_rows),
            None if groups is None else check_groups(groups, n_rows),
        )
        calibration = calibrated(rows, scorers, source, self._asked(scorers), self.by, self.joint)
        self.__dict__.pop("_moved", None)
        warn_of_few(calibration, self._level(None))
        self._net, self._teams, self._calibration, self._moved = fitted.net, fitted.teams, calibration, {}
        self.methods_ = {name: scorer.method for name, scorer in scorers.items()}
        self.n_calibration_ = calibration.counts
        self.__dict__.pop("estimators_", None)
        if fitted.estimators is not None:
            self.estimators_ = fitted.estimators
        return self

    @property
    def _source(self) -> Source:
        return source_of(self.net_, self.__dict__.get("estimators_"), self._teams)

    @property
    def _scorers(self) -> dict[str, Scorer]:
        tasks = {name: self.tasks_[name] for name in self.methods_}
        return scorers_of(tasks, self.methods_, self.joint, self._source)

    def _asked(self, scorers: Mapping[str, Scorer]) -> dict[str, Asked]:
        tail = (1 - self.confidence_level) / 2
        return {
            name: Asked(scorer.fields[scorer.method], scorer.task, (tail, 1 - tail))
            for name, scorer in scorers.items()
        }

    def _level(self, confidence_level: float | None) -> Level:
        level = self.confidence_level if confidence_level is None else confidence_level
        if isinstance(level, bool) or not isinstance(level, Real) or not 0 < float(level) < 1:
            raise ValueError(f"confidence_level={level!r} should be a float between 0 and 1, without these.")
        moved = self.__dict__.get("_moved", {})
        if moved and level != self.confidence_level:
            raise ValueError(
                f"update has moved the levels of the sets, from confidence_level={self.confidence_level!r}; there "
                f"are none at confidence_level={level!r}. Call conformalize first."
            )
        return Level(float(level), self.joint, moved)

    def _sets(
        self,
        scorers: Mapping[str, Scorer],
        said: Sequence[Mapping[str, Said]],
        level: Level,
        weights: np.ndarray,
        strata: np.ndarray | None,
    ) -> dict[str, np.ndarray]:
        """Return the sets of each task, from what each predictor said of some rows."""
        return {
            name: sets_of(scorer, [one[name] for one in said], self._calibration, level, weights, strata)
            for name, scorer in scorers.items()
        }

    def _strata_of(self, X: RowsLike) -> np.ndarray | None:
        """Return the group of each row; None if there are none, or they are classes of a task."""
        if self.by is None or self.by in self.methods_:
            return None
        values, missing = column_of(X, self.by)
        codes = coded(values, missing, self._calibration.names)
        unseen = list(dict.fromkeys(values[(codes < 0) & ~missing].tolist()))
        if unseen:
            warn(
                f"The calibration rows have no group {', '.join(map(str, unseen[:5]))} of by={self.by!r}; there "
                "the threshold of all rows is used."
            )
        return codes

    def __sklearn_is_fitted__(self) -> bool:
        return "_calibration" in self.__dict__
