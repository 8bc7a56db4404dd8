"""Self-training: missing labels are learned from certain predictions."""

from __future__ import annotations

import copy
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from ..data import check_groups, check_sample_weight, check_weights
from ..estimator import MultiTaskNetEstimator
from ..estimator._delegation import DelegatingMixin
from ..estimator._learning import indexed_by_rows, one_target
from ..targets import read_targets
from ..utils._optional import import_optional
from ..utils._params import Interval
from ..utils._random import Streams, seed_of_fit
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ..utils._warn import each_once, warn
from ._answers import how_taught
from ._folds import deal_folds, has_enough_labels
from ._rounds import Decision, Teaching, decide, teach
from ._rows import FitRows
from ._teachers import reading_teacher


class SelfTrainingMultiTask(DelegatingMixin, BaseEstimator):
    """Self-training of several tasks: missing labels are learned from certain predictions.

    A teacher is fitted to the real labels, and reads the labels of the other tasks where they are known, as with
    ``label_inputs=True``: so it can know what the network itself cannot. What it predicts with certainty for rows
    without a label of a task becomes a pseudo-label of a weight below 1, and the network is fitted to both
    [1]_ [2]_. A round is accepted for the tasks whose held-out **real** labels are predicted better by more than
    one standard error, as long as no task is predicted worse by more than two. If no round helps any task, the
    result is the plain fit.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator
        The network, cloned for each fit. Put pipelines around this estimator, not into it.
    threshold : float in (0, 1], default=0.9
        Smallest certainty of a prediction that becomes a pseudo-label. The certainty of a class is its probability
        after calibration, that of a set of labels the probability of its least certain label, and that of a number
        1 minus the spread over the networks of an ensemble, in standard deviations of the labels. So numbers need
        an ensemble, such as ``n_members=4``.
    pseudo_weight : float in (0, 1), default=0.5
        Weight of a pseudo-label of certainty 1, where a real label weighs 1. It is multiplied by the certainty,
        and by the ``sample_weight`` of the row.
    max_iter : int >= 1, default=3
        Most rounds. Each round begins with a new network and the same seed, and predicts all pseudo-labels anew.
    n_folds : int >= 2, default=5
        Folds of the rows with real labels. A round is judged by all of them, each predicted by a network that did
        not learn it.
    margin : float >= 0, default=1.0
        Number of standard errors, of the mean paired difference of held-out losses, by which a round must help. A
        round is rejected if a task becomes worse by as many, and by two at least.
    read_labels : bool, default=True
        Whether a network of ``label_inputs=True``, which reads the known labels of the other tasks, proposes the
        pseudo-labels. If False, or if there is no other task to read, or the network cannot read labels, it
        proposes them itself, in a third of the time. The fitted network reads no labels, unless ``estimator``
        does; then it is its own teacher.

    Attributes
    ----------
    estimator_ : MultiTaskNetEstimator
        The fitted network, which learned all rows.
    labels_added_ : dict of str to int
        Number of pseudo-labels that ``estimator_`` learned, by task.
    rounds_ : DataFrame
        One row for each round and task: number of pseudo-labels ``n_labels`` and their ``mean_weight``, as means
        over the folds; the mean loss of held-out real labels ``loss_before`` and ``loss_after``, which is the
        Brier score of classes, and the squared error of numbers in variances of the labels; the
        ``standard_error`` of the difference; and whether the pseudo-labels of the task were ``accepted``. It also
        has tasks without any pseudo-label, since none may be harmed.
    n_iter_ : int
        Number of rounds that were tried.
    termination_condition_ : {"all_labeled", "no_change", "no_gain", "max_iter"}
        Why there were no more rounds: no label is missing; no prediction can become a pseudo-label; the last round
        helped no task, or harmed one; or ``max_iter`` rounds helped.
    classes_, tasks_, task_names_, n_features_in_, feature_names_in_ : object
        Those of ``estimator_``.

    See Also
    --------
    sklearn.semi_supervised.SelfTrainingClassifier : The same for one task of classes.

    Notes
    -----
    Pseudo-labels are for rows without any label of the task. A row that has some of the labels of a set, or some
    of the columns of a regression, is left as it is. Tasks of tokens and pixels, and classes that are given as
    probabilities, get no pseudo-labels; the former are not compared either.

    Probabilities are calibrated by a temperature of at least 1 for each task [3]_, fitted to held-out rows. Early
    stopping within a network treats pseudo-labels as labels of their weight.

    There are ``n_folds`` fits and a plain one, ``n_folds`` for each round, and one for each accepted round at the
    end; and as many of teachers, of which an ensemble trains its networks one after the other. A round that helped
    some tasks and others not is fitted again with the pseudo-labels of the former. The teacher of the default
    portfolio is an ensemble of four networks.

    References
    ----------
    .. [1] Yarowsky, "Unsupervised Word Sense Disambiguation Rivaling Supervised Methods", ACL 1995.
    .. [2] Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks",
       ICML Workshop on Challenges in Representation Learning, 2013.
    .. [3] Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> from sklearn_mtl.semi_supervised import SelfTrainingMultiTask
    >>> X, species = load_iris(return_X_y=True)
    >>> few = np.where(np.arange(150) % 5 == 0, species, np.nan)  # a fifth of the labels
    >>> y = Targets(species=few, petal_width=X[:, 3])
    >>> net = MultiTaskNetEstimator({"species": "classification"}, n_members=1, max_epochs=20, random_state=0)
    >>> learner = SelfTrainingMultiTask(net, max_iter=1, threshold=0.7).fit(X[:, :3], y)
    >>> learner.predict(X[:2, :3])["species"]
    array([0., 0.])
    >>> learner.rounds_["task"].tolist()
    ['species', 'petal_width']
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [MultiTaskNetEstimator],
        "threshold": [Interval(Real, 0, 1, closed="right")],
        "pseudo_weight": [Interval(Real, 0, 1, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_folds": [Interval(Integral, 2, None, closed="left")],
        "margin": [Interval(Real, 0, None, closed="left")],
        "read_labels": ["boolean"],
    }

    def __init__(
        self,
        estimator: MultiTaskNetEstimator,
        *,
        threshold: float = 0.9,
        pseudo_weight: float = 0.5,
        max_iter: int = 3,
        n_folds: int = 5,
        margin: float = 1.0,
        read_labels: bool = True,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.pseudo_weight = pseudo_weight
        self.max_iter = max_iter
        self.n_folds = n_folds
        self.margin = margin
        self.read_labels = read_labels

    @each_once()
    def fit(
        self,
        X: RowsLike,
        y: TargetsLike = None,
        sample_weight: WeightsLike = None,
        targets: Any = None,
        *,
        groups: Any = None,
    ) -> SelfTrainingMultiTask:
        """Fit the network to real labels, and to pseudo-labels as far as they help.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs, also of rows without any label.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            Targets; a missing label is NaN, None or pandas' NA.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row in the loss of each task, also of its pseudo-labels.
        targets : like y, default=None
            Used instead of y; see ``fit`` of the network.
        groups : array-like of shape (n_samples,), default=None
            The group of each row. Folds, and early stopping of the networks, hold out whole groups.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            As for ``fit`` of the network; also if the network has a ``checkpoint`` or ``warm_start=True``.

        Warns
        -----
        UserWarning
            If a task with missing labels cannot get pseudo-labels; the message says why.
        """
        self._validate_params()
        learner = _from_scratch(self.estimator)
        X, y = indexed_by_rows(X), one_target(self, y, targets)
        net = clone(learner).fit(X, y, sample_weight=sample_weight, groups=groups)
        rows = _rows_of_fit(X, y, sample_weight, groups, net)
        incomplete = _incomplete(rows, net)
        teaching = self._teaching(learner, net, rows, incomplete)
        decision = Decision(termination="no_change" if incomplete else "all_labeled")
        if teaching.open_tasks:
            seed = Streams(seed_of_fit(copy.deepcopy(learner.random_state))).derive("folds")
            folds = deal_folds(rows, net.tasks_, teaching.open_tasks, self.n_folds, seed)
            if folds.max() < 0:
                warn(
                    f"No task gets pseudo-labels: the labels of {teaching.open_tasks} are in rows that the folds "
                    f"cannot hold out, because another task has fewer labels than n_folds={self.n_folds}."
                )
            decision = decide(teaching, rows, folds)
        self.estimator_, pseudo = teach(teaching, net, rows, decision.steps, net._model.container)
        self.labels_added_ = {name: len(pseudo[name].rows) if name in pseudo else 0 for name in net.task_names_}
        self.n_iter_ = max((record["round"] for record in decision.records), default=0)
        self.termination_condition_ = decision.termination
        self._rounds = decision.records
        return self

    @property
    def _network(self) -> Any:
        check_is_fitted(self)
        return self.estimator_

    @property
    def _network_or_parameter(self) -> Any:
        return getattr(self, "estimator_", self.estimator)

    @property
    def rounds_(self) -> Any:
        """DataFrame of one row for each round and task."""
        check_is_fitted(self)
        columns = ("round", "task", "n_labels", "mean_weight", "loss_before", "loss_after", "standard_error")
        pandas = import_optional("pandas", "frames", "rounds_")
        return pandas.DataFrame(self._rounds, columns=[*columns, "accepted"])

    def _teaching(self, learner: Any, net: Any, rows: FitRows, incomplete: list[str]) -> Teaching:
        """Find the tasks that can be taught; warn of those with missing labels that cannot."""
        kinds = {name: how_taught(name, task, rows.y[name]) for name, task in net.tasks_.items()}
        compared = {name: how for name, how in kinds.items() if how is not None}
        open_tasks, reasons = [], {}
        for name in incomplete:
            if name not in compared:
                reasons[name] = (
                    "it has labels of positions or probabilities, and not one label for each row, or is censored"
                )
            elif not compared[name].has_certainty(net._model.n_members):
                reasons[name] = "one network does not say how certain a number is; set n_members=4, for instance"
            elif not has_enough_labels(rows, name, self.n_folds):
                reasons[name] = f"it has fewer labelled rows or groups than n_folds={self.n_folds}"
            else:
                open_tasks.append(name)
        for name, reason in reasons.items():
            warn(f"The task {name!r} gets no pseudo-labels: {reason}.")
        reads = self.read_labels and open_tasks and not learner.label_inputs
        teacher = reading_teacher(learner, net) if reads else None
        settings = (self.threshold, self.pseudo_weight, self.margin, self.max_iter)
        return Teaching(learner, teacher, compared, open_tasks, *settings)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self) -> Any:
        tags = get_tags(self.estimator)
        tags.transformer_tags = None
        return tags


def _from_scratch(estimator: MultiTaskNetEstimator) -> MultiTaskNetEstimator:
    """Return a clone with one seed for all fits, after a check that each fit begins anew."""
    if estimator.checkpoint is not None:
        raise ValueError(
            f"estimator has checkpoint={estimator.checkpoint!r}, which the fits of all rounds would write; set it "
            "to None."
        )
    if estimator.warm_start:
        raise ValueError(
            "estimator has warm_start=True, but each round begins with a new network; set it to False."
        )
    learner = clone(estimator)
    if learner.random_state is None:
        learner.set_params(random_state=seed_of_fit(None))
    return learner


def _rows_of_fit(X: Any, y: TargetsLike, sample_weight: WeightsLike, groups: Any, net: Any) -> FitRows:
    labels, _ = read_targets(y)
    weights = check_sample_weight(sample_weight, net.task_names_, len(labels))
    return FitRows(X, labels, weights, None if groups is None else check_groups(groups, len(labels)))


def _incomplete(rows: FitRows, net: Any) -> list[str]:
    """Return the trained tasks of which some rows have no label."""
    weights = check_weights(net.task_weights, net.task_names_, "task_weights")
    return [name for name in net.task_names_ if weights[name] > 0 and not np.all(rows.labelled(name))]
