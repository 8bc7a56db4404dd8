"""An estimator that trains groups of tasks that help each other."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..estimator._shares import frame_of_shares
from ..metrics import task_scores, weighted_mean
from ..targets import Targets, align_targets, read_targets
from ..utils._optional import import_optional
from ..utils._params import Interval, StrOptions
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ._affinity import METHODS, Study, frame_of_affinities, task_affinity
from ._group_choices import Group, score_choices
from ._group_search import groups_of
from ._insurance import check_insurable, insured_net
from ._partition import best_groups
from ._stack import last_step
from ._study import check_study, folds_of, params_with_groups, refuse_auxiliary, with_one_member
from ._task_fits import for_tasks

# Up to so many tasks, "auto" trains networks for all pairs.
MOST_PAIRS = 15


def _has_probabilities(self: TaskGrouping) -> bool:
    nets = self.nets_ if hasattr(self, "nets_") else [self.net]
    return any(hasattr(net, "predict_proba") for net in nets)


class TaskGrouping(MetaEstimatorMixin, BaseEstimator):
    """Train one network for each group of tasks that help each other.

    ``fit`` estimates which tasks help which, and finds groups:

    1. The affinities propose groups: the division with the greatest sum of gains, and the branches of a tree that
       merges the tasks of the greatest affinity.
    2. Networks of these groups are trained, and the division that scores best is chosen. A task moves to another
       group if it scores better there.
    3. These groups, all tasks together, and each task alone are compared on further folds. The best of the three
       is fitted to all rows.

    A task is predicted by one group, and may be auxiliary in others: trained there because it helps.

    Groups found from few labels may be wrong. With ``insured=True``, networks of all tasks, of the groups and of
    each task are all trained, as a `Portfolio <sklearn_mtl.Portfolio>`. For each task, rows that they did not see
    decide how much of each it takes, so that a task whose group is wrong falls back on the others.

    Parameters
    ----------
    net : MultiTaskNetEstimator, or a Pipeline that ends in one
        Fitted for each group; it is not changed.
    method : {"auto", "pairs", "subsets", "lookahead", "gradient"}, default="auto"
        How affinities are estimated, see `task_affinity`. "auto" is "pairs" for up to 15 tasks, and otherwise
        "subsets".
    affinity : DataFrame of shape (n_tasks, n_tasks) or None, default=None
        Known affinities, as `task_affinity` returns them, from which the groups then follow without step 2; None
        estimates them, with single networks.
    n_groups : int or None, default=None
        Maximum number of groups; None sets no limit.
    cv : int, splitter or iterable of (train, test), default=3
        Folds on which networks are compared, as in `compare_sharing`.
    n_subsets : int or None, default=None
        Number of subsets for "subsets"; None draws five for each task.
    n_jobs : int or None, default=None
        Number of processes.
    random_state : int or None, default=0
        Seed of folds and subsets.
    insured : bool, default=False
        Whether to fit one portfolio of the net's recipes shared, grouped (`Grouped
        <sklearn_mtl.architectures.Grouped>`) and separate, instead of a network for each group. A net that is a
        portfolio itself keeps its recipes, beside grouped versions of them. There are no auxiliary tasks then.

    Attributes
    ----------
    groups_ : list of tuple of str
        The tasks of each group; if insured, those that were found, also where others scored better.
    auxiliary_ : list of tuple of str
        The tasks that the network of each group is trained with besides these.
    affinity_ : DataFrame of shape (n_tasks, n_tasks)
        Row i says what helps task i.
    scores_ : dict of str to float
        Mean scores over tasks and folds of "groups", "together" and "alone".
    nets_ : list of estimator
        The fitted network of each group; if insured, the one portfolio.
    task_names_ : list of str
        The tasks, in the order of y.
    classes_ : dict of str to ndarray
        The classes of each classification.

    See Also
    --------
    task_affinity : The affinities alone.
    compare_sharing : Whether sharing helps at all.

    References
    ----------
    .. [1] Standley et al., "Which Tasks Should Be Learned Together in Multi-task Learning?", ICML 2020.
    .. [2] Fifty et al., "Efficiently Identifying Task Groupings for Multi-Task Learning", NeurIPS 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.model_selection import TaskGrouping
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> affinity = np.array([[0, 1, -1], [1, 0, -1], [-1, -1, 0]])
    >>> regressor = MultiTaskNetRegressor(trunk="mlp", max_epochs=5, random_state=0)
    >>> grouping = TaskGrouping(regressor, affinity=affinity, cv=2).fit(X, y)
    >>> grouping.predict(X).columns.tolist()
    ['Weight', 'Waist', 'Pulse']
    """

    _parameter_constraints: dict = {
        "net": "no_validation",
        "method": [StrOptions({"auto", *METHODS})],
        "affinity": "no_validation",
        "n_groups": [Interval(Integral, 1, None, closed="left"), None],
        "cv": "no_validation",
        "n_subsets": [Interval(Integral, 3, None, closed="left"), None],
        "n_jobs": [Integral, None],
        "random_state": [Integral, None],
        "insured": ["boolean"],
    }

    def __init__(
        self,
        net: Any,
        method: str = "auto",
        affinity: Any = None,
        n_groups: int | None = None,
        cv: Any = 3,
        n_subsets: int | None = None,
        n_jobs: int | None = None,
        random_state: int | None = 0,
        insured: bool = False,
    ) -> None:
        self.net = net
        self.method = method
        self.affinity = affinity
        self.n_groups = n_groups
        self.cv = cv
        self.n_subsets = n_subsets
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.insured = insured

    def fit(self, X: RowsLike, y: TargetsLike, *, groups: Any = None) -> TaskGrouping:
        """Find groups, and fit a network for each.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            Targets; labels may be missing.
        groups : array-like of shape (n_samples,), default=None
            The group of each row, which folds and early stopping keep together.

        Returns
        -------
        self
        """
        self._validate_params()
        net, X, targets, names = check_study(self.net, X, y)
        refuse_auxiliary(net, targets, "TaskGrouping")
        if self.insured:
            check_insurable(net)
        _, container = read_targets(y)
        study = Study(
            net, X, targets, names, (), params_with_groups(net, groups), None, self.n_jobs, self.random_state
        )
        limit = len(names) if self.n_groups is None else self.n_groups
        affinity, found = self._divided(study, groups, limit)
        choices: dict[str, list[Group]] = {
            "groups": found,
            "together": [(names, ())],
            "alone": [((name,), ()) for name in names],
        }
        if limit < len(names):
            del choices["alone"]
        seed = None if self.random_state is None else self.random_state + 1  # other folds than those of the groups
        scores = score_choices(study._replace(folds=folds_of(self.cv, X, targets, groups, seed)), choices)
        chosen = found if self.insured else choices[max(scores, key=lambda kind: scores[kind])]
        served_by = choices["together"] if self.insured else chosen
        nets = [self._fitted(study, served + auxiliary, found) for served, auxiliary in served_by]
        self._affinity, self.scores_, self.nets_, self._served_by = affinity, scores, nets, served_by
        self.groups_, self.auxiliary_ = [served for served, _ in chosen], [auxiliary for _, auxiliary in chosen]
        idle = [name for name in container.names if name not in names]
        self.task_names_, self._container = list(names), container.without_tasks(idle)
        first, _ = last_step(nets[0])
        for attribute in ("n_features_in_", "feature_names_in_"):
            if hasattr(first, attribute):
                setattr(self, attribute, getattr(first, attribute))
        return self

    def _divided(self, study: Study, groups: Any, limit: int) -> tuple[np.ndarray, list[Group]]:
        """Return affinities (n_tasks, n_tasks), and groups with their auxiliary tasks."""
        names = study.names
        if self.affinity is not None:
            affinity = self._given_affinities(names)
            divided = best_groups(affinity, limit)
        else:
            few = len(names) <= MOST_PAIRS
            method = self.method if self.method != "auto" else "pairs" if few else "subsets"
            found = task_affinity(
                with_one_member(study.net), study.X, study.y, method=method, cv=self.cv, groups=groups,
                n_subsets=self.n_subsets, n_jobs=self.n_jobs, random_state=self.random_state,
            )  # fmt: skip
            affinity = np.asarray(found, dtype=float)
            folds = folds_of(self.cv, study.X, study.y, groups, self.random_state)
            divided = groups_of(study._replace(folds=folds), affinity, limit)
        return affinity, [
            (tuple(names[i] for i in served), () if self.insured else tuple(names[i] for i in auxiliary))
            for served, auxiliary in divided
        ]

    def _fitted(self, study: Study, tasks: tuple[str, ...], groups: Sequence[Group]) -> Any:
        """Fit a network of some tasks; if insured, the portfolio of all tasks."""
        net, labels = for_tasks(study.net, tasks), study.y._select(tasks)
        if self.insured:
            net = insured_net(net, study.X, labels, [served for served, _ in groups])
        return net.fit(study.X, labels, **study.fit_params)

    def _given_affinities(self, names: Sequence[str]) -> np.ndarray:
        is_frame = hasattr(self.affinity, "reindex")
        given = self.affinity.reindex(index=names, columns=names) if is_frame else self.affinity
        values = np.asarray(given, dtype=float)
        if values.shape != (len(names), len(names)) or not np.isfinite(values).all():
            raise ValueError(
                f"affinity should be finite numbers of shape {(len(names), len(names))}, with a row and a column "
                f"for each of the tasks {list(names)}."
            )
        return values

    # -- predictions

    def predict(self, X: RowsLike) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.

        Returns
        -------
        array, frame, structured array or Targets
            The kind of y in ``fit``.
        """
        check_is_fitted(self)
        return self._container.wrap(self._gather("predict", X), X)

    @available_if(_has_probabilities)
    def predict_proba(self, X: RowsLike) -> Any:
        """Predict the probabilities of classes or labels, arranged as those of the networks are.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.

        Returns
        -------
        list of ndarray or Targets
            For each task with probabilities ``(n_samples, n_classes)``.
        """
        check_is_fitted(self)
        return self._container.arrange(self._gather("predict_proba", X), Targets, one_column_is_plain=False)

    def _gather(self, method: str, X: RowsLike) -> dict[str, np.ndarray]:
        """Call a method of the networks, and take each task from the one that predicts it."""
        found: dict[str, np.ndarray] = {}
        for (served, _), net in zip(self._served_by, self.nets_, strict=True):
            if hasattr(net, method):
                answers = getattr(net, method)(X)
                found |= {name: answers[name] for name in served if name in answers}
        return {name: found[name] for name in self.task_names_ if name in found}

    @property
    def classes_(self) -> dict[str, np.ndarray]:
        """The classes of each classification."""
        check_is_fitted(self)
        known: dict[str, np.ndarray] = {}
        for (served, _), net in zip(self._served_by, self.nets_, strict=True):
            classes = last_step(net)[0].classes_
            known |= {name: classes[name] for name in served if name in classes}
        return known

    def score_tasks(self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None) -> dict[str, float]:
        """Score each task by its metric, over its labelled rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        dict of str to float
            NaN for a task without any label of a weight above 0.
        """
        check_is_fitted(self)
        targets, _ = align_targets(y, self._container.names)
        found: dict[str, float] = {}
        for (served, others), net in zip(self._served_by, self.nets_, strict=True):
            scores = task_scores(net, X, targets._select(served + others), sample_weight)
            found |= {name: scores[name] for name in served}
        return {name: found[name] for name in self.task_names_}

    def score(self, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None) -> float:
        """Compute the mean of the task scores under the ``score_weights`` of the net.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        float
            NaN if no task has a label.
        """
        scores = self.score_tasks(X, y, sample_weight)
        given = last_step(self.net)[0].score_weights or {}
        return weighted_mean(scores, {name: given.get(name, 1.0) for name in scores})

    # -- advice

    @property
    def affinity_(self) -> Any:
        """DataFrame of shape (n_tasks, n_tasks), in which row i says what helps task i."""
        check_is_fitted(self)
        return frame_of_affinities(self._affinity, self.task_names_, "affinity_")

    @property
    def task_shares_(self) -> Any:
        """DataFrame with a row for each task: its shares of networks of all tasks, of some, or of it alone.

        The columns "shared", "grouped" and "separate" sum to 1.
        """
        check_is_fitted(self)
        shares: dict[str, dict[str, float]] = {}
        for (served, others), net in zip(self._served_by, self.nets_, strict=True):
            n_trained = len(served) + len(others)
            kind = "separate" if n_trained == 1 else "shared" if n_trained == len(self.task_names_) else "grouped"
            of_net = last_step(net)[0]._model.shares
            for name in served:  # all tasks of this network may be some of y
                shares[name] = {**of_net[name], "shared": 0.0}
                shares[name][kind] += of_net[name]["shared"]
        return frame_of_shares({name: shares[name] for name in self.task_names_})

    def drop_redundant(self) -> Any:
        """Advise which tasks could leave, by the affinities.

        Returns
        -------
        DataFrame
            Its rows are the tasks, and its columns:

            - "gives": the sum of the gains of the other tasks by this one;
            - "takes": the sum of its gains by the others;
            - "advice": "helps others"; "harms others"; or "may leave", if it gives less than a tenth of what the
              most helpful task gives, so that the others lose little without it.
        """
        pandas = import_optional("pandas", "frames", "drop_redundant")
        check_is_fitted(self)
        values = self._affinity
        gives, takes = values.sum(axis=0), values.sum(axis=1)
        little = 0.1 * np.abs(gives).max(initial=0.0)
        advice = np.where(gives > little, "helps others", np.where(gives < -little, "harms others", "may leave"))
        return pandas.DataFrame({"gives": gives, "takes": takes, "advice": advice}, index=self.affinity_.index)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        of_net = get_tags(self.net)
        tags.input_tags, tags.target_tags = of_net.input_tags, of_net.target_tags
        tags.estimator_type = of_net.estimator_type
        return tags
