"""Permutation importances of the inputs for each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import t as student
from sklearn.utils import Bunch, check_random_state

from ..trunks import ConvNet, SequenceEncoder, VideoEncoder
from ..utils._modes import own_modes
from ..utils._optional import import_optional
from ..utils._repeated import repeated
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ..utils._warn import each_once
from ._columns_of_rows import Columns, columns_of
from ._task_scores import TaskScores

_NAME = "task_importances"


@own_modes()
def task_importances(
    net: Any,
    X: RowsLike,
    y: TargetsLike,
    *,
    metrics: Any = None,
    n_repeats: int = 5,
    groups: Any = None,
    sample_weight: WeightsLike = None,
    random_state: Any = None,
) -> Bunch:
    r"""Compute how much the score of each task falls when an input is permuted [1]_ [2]_.

    The values of an input, a column or a group of columns, are exchanged at random between the rows, so that they
    no longer belong to the labels and to the other inputs. One forward pass per permutation computes the scores of
    all tasks: there are :math:`n\_inputs \cdot n\_repeats + 1` passes, however many tasks there are. Nothing is
    trained.

    Parameters
    ----------
    net : MultiTaskNetEstimator, view of a task, or a Pipeline or search that ends in one
        Fitted. Inputs of a Pipeline are the columns before its first step.
    X : array-like or sparse matrix of shape (n_samples, n_features), frame, or mapping of inputs
        Rows that the network did not learn. Each input of a mapping, as `MultiInput
        <sklearn_mtl.trunks.MultiInput>` reads it, is permuted as a whole: a table, an image, a sentence.
    y : array-like, frame, mapping, structured array or Targets with n_samples rows
        True targets; of a view, those of its task. Rows without a label of a task are left out of its score.
    metrics : mapping of str to {str, callable}, str, callable or None, default=None
        Metric of each task, as in `make_multitask_scorer <sklearn_mtl.metrics.make_multitask_scorer>`, for
        instance ``{"species": "neg_log_loss"}``; one that is no mapping is that of all tasks. None, and tasks that
        are not named, take the score of ``score_tasks``.
    n_repeats : int >= 1, default=5
        Number of permutations of each input.
    groups : mapping of str to sequence, sequence of sequences, or None, default=None
        Columns that are permuted together, by the name of the group; without names it is that of its columns.
        Columns are named as in a frame, or by position. Those of no group are permuted alone. See
        `correlated_groups`.
    sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
        Weight of each row in the scores.
    random_state : int, RandomState instance or None, default=None
        Seed of the permutations.

    Returns
    -------
    Bunch
        With the fields

        importances_mean : DataFrame of shape (n_inputs, n_tasks)
            Mean over the repeats of the fall of the score.
        importances_std : DataFrame of shape (n_inputs, n_tasks)
            Its standard deviation over the repeats.
        importances : dict of str to ndarray of shape (n_inputs, n_repeats)
            The fall of the score of each task in each repeat.
        p_values : DataFrame of shape (n_inputs, n_tasks)
            Probability of such a mean for an input that says nothing about the task; NaN with one repeat. See
            Notes.
        scores : dict of str to float
            Score of each task without permutation.
        metrics : dict of str to str
            Name of the metric of each task.
        groups : dict of str to list
            The columns of each input.

    Raises
    ------
    TypeError
        If X has no columns, as sentences and images, or ``net`` has no tasks.
    ValueError
        If a group names a column that X does not have, or one twice, or numbers of rows differ.

    See Also
    --------
    TaskImportancesDisplay : Heat map of the result.
    integrated_gradients : Which inputs led to a single prediction; also for tokens and pixels.
    sklearn.inspection.permutation_importance : The same for an estimator of one target.

    Notes
    -----
    If an input says nothing about the labels and the other inputs, the rows as they are are one more permutation.
    So the mean m and standard deviation s of R repeats give the statistic
    :math:`m / (s \sqrt{1 + 1 / R})`, which is compared with Student's t distribution of R - 1 degrees of freedom,
    one-sided. If many inputs and tasks are looked at, some p-values are small by chance.

    A permuted row may be one that cannot occur, such as a tall child: a network extrapolates there. Of two columns
    that say the same, each alone seems unimportant. Groups of correlated columns avoid both.

    References
    ----------
    .. [1] Breiman, "Random Forests", Machine Learning, 2001.
    .. [2] Fisher, Rudin and Dominici, "All Models are Wrong, but Many are Useful: Learning a Variable's Importance
       by Studying an Entire Class of Prediction Models Simultaneously", JMLR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> from sklearn_mtl.inspection import task_importances
    >>> X = np.random.default_rng(0).normal(size=(600, 3))
    >>> y = Targets(sick=X[:, 0] > 0, mass=2 * X[:, 1])
    >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=20, random_state=0).fit(X[:300], y[:300])
    >>> found = task_importances(net, X[300:], y[300:], random_state=0)
    >>> found.importances_mean.idxmax().to_dict()
    {'sick': 'x0', 'mass': 'x1'}
    """
    if isinstance(n_repeats, bool) or not isinstance(n_repeats, Integral) or n_repeats < 1:
        raise ValueError(f"n_repeats={n_repeats!r} should be an int of at least 1.")
    pandas = import_optional("pandas", "frames", _NAME)
    scores = TaskScores(net, y, metrics, sample_weight, _NAME)
    _refuse_sequences(scores, X)
    columns = columns_of(X, _NAME)
    chosen = read_groups(groups, columns)
    rng = check_random_state(random_state)
    with each_once():
        first = scores.of(X)
        values = np.array([
            [
                [first[name] - score for name, score in scores.of(columns.permuted(own, order)).items()]
                for order in (rng.permutation(columns.n_rows) for _ in range(n_repeats))
            ]
            for own in chosen.values()
        ])  # fmt: skip

    def table(by_task: np.ndarray) -> Any:
        return pandas.DataFrame(by_task, index=list(chosen), columns=list(first))

    return Bunch(
        importances_mean=table(values.mean(axis=1)),
        importances_std=table(values.std(axis=1)),
        importances={name: values[:, :, place] for place, name in enumerate(first)},
        p_values=table(p_values_of(values)),
        scores=first,
        metrics=scores.names_of_metrics,
        groups={name: [columns.known[position] for position in own] for name, own in chosen.items()},
    )


def _refuse_sequences(scores: TaskScores, X: RowsLike) -> None:
    """Raise TypeError for rows whose parts are tokens, pixels or steps."""
    trunk = None if scores.steps or not scores.is_network else scores.network._model.blueprint.trunk
    named = isinstance(X, Mapping) or hasattr(X, "columns")
    if isinstance(trunk, SequenceEncoder | ConvNet | VideoEncoder) and not named:
        raise TypeError(
            f"{_NAME} permutes columns, but {type(trunk).__name__} reads rows without columns; "
            "integrated_gradients shows which of their parts matter."
        )


def read_groups(groups: Any, columns: Columns) -> dict[str, list[int]]:
    """Return the positions of the columns of each input, by its name: those of groups, and all others alone.

    Raises
    ------
    TypeError, ValueError
        If groups are no groups of columns of X, or two inputs have one name.
    """
    named: list[tuple[str, list[int]]] = []
    if groups is not None and (isinstance(groups, str) or not isinstance(groups, Mapping | Sequence)):
        raise TypeError(f"groups should be a mapping from names to columns, or a list of lists; got {groups!r}.")
    given = groups.items() if isinstance(groups, Mapping) else [(None, group) for group in groups or ()]
    for name, group in given:
        where = "groups" if name is None else f"groups[{name!r}]"
        if isinstance(group, str | bytes) or not hasattr(group, "__iter__") or not len(list(group)):
            raise ValueError(f"{where} should be a list of columns, with at least one, got {group!r}.")
        own = columns.positions(list(group), where)
        if len(set(own)) < len(own):
            raise ValueError(f"{where} names columns twice: {list(group)}.")
        named.append((" + ".join(columns.names[p] for p in own) if name is None else str(name), own))
    grouped = {position for _, own in named for position in own}
    named += [(columns.names[p], [p]) for p in range(len(columns.known)) if p not in grouped]
    twice = repeated([name for name, _ in named])
    if twice:
        raise ValueError(f"groups: several inputs have the names {twice}; give the groups other names.")
    return dict(named)


def p_values_of(values: np.ndarray) -> np.ndarray:
    """Compute the p-values (n_inputs, n_tasks) of falls of scores (n_inputs, n_repeats, n_tasks)."""
    n_repeats = values.shape[1]
    mean = values.mean(axis=1)
    if n_repeats == 1:
        return np.full(mean.shape, np.nan)
    spread = values.std(axis=1, ddof=1) * np.sqrt(1 + 1 / n_repeats)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_spread = student.sf(mean / spread, n_repeats - 1)
    # repeats of equal scores have no spread; the rows as they are are then one of n_repeats + 1 permutations
    by_rank = np.where(np.isnan(mean), np.nan, np.where(mean > 0, 1 / (n_repeats + 1), 1.0))
    return np.where(spread > 0, by_spread, by_rank)
