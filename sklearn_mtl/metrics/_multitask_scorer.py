"""A scorer of chosen metrics of several tasks at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.base import BaseEstimator

from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ._choice import read_metrics
from ._scorer import named, through_pipeline


class MultiTaskScorer:
    """The scorer that `make_multitask_scorer` returns."""

    def __init__(self, metrics: Mapping[Any, Any], weights: Mapping[Any, float] | None, default: Any) -> None:
        self.metrics, self.weights, self.default = metrics, weights, default

    def __call__(
        self, estimator: BaseEstimator, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None
    ) -> dict[str, float]:
        """Score a fitted estimator; see `make_multitask_scorer`."""
        return self.evaluate(estimator, X, y, sample_weight)[0]

    def evaluate(
        self, estimator: BaseEstimator, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike = None
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Return all scores, and the score of each task by its first metric."""
        inputs, network = through_pipeline(estimator, X, "make_multitask_scorer")
        defaults = {} if self.default is None else dict.fromkeys(_left_out(self.metrics, network), self.default)
        metrics = network.metrics_of_tasks(inputs, y, sample_weight, {**self.metrics, **defaults})
        by_task = {task: next(iter(of_task.values())) for task, of_task in metrics.items()}
        return {**named(metrics), "score": network.mean_score(by_task, self.weights)}, by_task

    def __repr__(self) -> str:
        given = [repr(self.metrics)] if self.metrics else []
        given += [
            f"{name}={value!r}" for name in ("weights", "default") if (value := getattr(self, name)) is not None
        ]
        return f"make_multitask_scorer({', '.join(given)})"


def _left_out(metrics: Mapping[Any, Any], network: Any) -> list[str]:
    """Return the tasks that are not named; an integer names a column without a name."""
    named_ones = {str(name) for name in metrics}
    return [name for name in network.task_names_ if name not in named_ones]


def make_multitask_scorer(
    metrics: Mapping[str, Any] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    default: Any = None,
) -> MultiTaskScorer:
    """Build a scorer of several tasks, with metrics for each task, for scikit-learn's ``scoring``.

    One pass through the network computes the predictions and probabilities of all tasks. Rows without a label of
    a task are left out of its metrics.

    Parameters
    ----------
    metrics : mapping of str to {str, callable, list, mapping}, or None, default=None
        Metrics by task. A metric is

        - the name of a scorer of scikit-learn, such as "roc_auc" or "neg_mean_absolute_error", or of one of the
          task's own metrics, such as "entity_f1", see `multitask_scorer`, which takes precedence.
          "roc_auc" of more than two classes is one-vs-rest, "roc_auc_ovr";
        - a scorer that `sklearn.metrics.make_scorer` returned;
        - a function ``metric(y_true, y_pred)`` of labels and predictions, for which greater is better. It may take
          ``sample_weight``. Functions of `sklearn.metrics`, and those with "error" or "loss" in their name, raise
          an error because smaller may be better: pass `sklearn.metrics.make_scorer` of them.

        A list has several metrics, a mapping has several with names. The first is the score of the task.
    weights : mapping of str to float, or None, default=None
        Weight of each task in ``score``, 1 for tasks that are not named; None for the ``score_weights`` of the
        estimator.
    default : str, callable, list, mapping or None, default=None
        Metrics of the tasks that are not named, for instance "roc_auc" for many binary tasks. None for the first
        one in the ``metrics`` of the estimator, or the task's own: accuracy, R2, samples F1, ...

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=None)`` returns a dict: ``<task>_<metric>`` for each task and
        metric, and last ``score``, the mean of the scores of the tasks. ``estimator`` may be a Pipeline or a
        search. The separator is two underscores if a metric of another task would have the same name.

    Raises
    ------
    ValueError, TypeError
        If a metric is unknown. When the scorer is called, also if a task is unknown, or lacks probabilities that
        a metric needs.

    See Also
    --------
    multitask_scorer : All of the tasks' own metrics, and those of probabilities.

    Notes
    -----
    The values are those of scikit-learn's functions on the labelled rows. If only some labels of a row are
    missing, means over columns or labels (averages "macro" and "uniform_average") use the labelled rows of each
    column, and other metrics leave the row out. "neg_log_loss" and "neg_brier_score" of sets of labels are means
    over the labels. Of two classes of type str, the second in ``classes_`` is the positive one. An undefined
    metric, for instance because a class has no rows, is NaN, with one warning.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> from sklearn_mtl.metrics import make_multitask_scorer
    >>> X, species = load_iris(return_X_y=True)
    >>> y = Targets(species=species, petal_width=X[:, 3])
    >>> scorer = make_multitask_scorer({"species": ["roc_auc", "neg_log_loss"], "petal_width": "neg_max_error"})
    >>> net = MultiTaskNetEstimator(max_epochs=30, random_state=0).fit(X[:, :3], y)
    >>> list(scorer(net, X[:, :3], y))
    ['species_roc_auc', 'species_neg_log_loss', 'petal_width_neg_max_error', 'score']
    >>> scorer
    make_multitask_scorer({'species': ['roc_auc', 'neg_log_loss'], 'petal_width': 'neg_max_error'})
    """
    if metrics is not None and not isinstance(metrics, Mapping):
        raise TypeError(f"metrics should be a mapping from task to metric, got {metrics!r}; see also default.")
    if weights is not None and not isinstance(weights, Mapping):
        raise TypeError(f"weights should be a mapping from task to weight, got {weights!r}.")
    given = dict(metrics or {})
    for task, each in given.items():
        read_metrics(each, f"metrics[{task!r}]")
    if default is not None:
        read_metrics(default, "default")
    return MultiTaskScorer(given, None if weights is None else dict(weights), default)
