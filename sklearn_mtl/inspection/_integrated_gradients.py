"""Integrated gradients of the predictions of a task."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from ..estimator._estimator import MultiTaskNetEstimator
from ..estimator._task_view import TaskView, require_known
from ..tasks import MultilabelClassification, Task
from ..utils._modes import own_modes
from ..utils._optional import import_optional
from ..utils._types import RowsLike
from ..utils._warn import warn
from ._explained import Explained
from ._task_scores import reach

_NAME = "integrated_gradients"
# Share of the explained difference that the sum of the attributions may miss without a warning.
TOLERANCE = 0.05


@own_modes()
def integrated_gradients(
    net: Any,
    X: RowsLike,
    task: str | None = None,
    *,
    target: Any = None,
    position: Any = None,
    baseline: Any = None,
    n_steps: int = 50,
) -> Bunch:
    r"""Share out each prediction of a task among the inputs by integrated gradients [1]_.

    The input moves from a baseline x' to the row x, and each part of it gets the share of the change of the
    prediction f that its own movement caused:

    .. math:: a_i = (x_i - x'_i) \int_0^1 \frac{\partial f(x' + \alpha (x - x'))}{\partial x_i} d\alpha

    The shares sum to :math:`f(x) - f(x')`, up to the error of the numerical integral. f is what ``predict`` and
    ``predict_proba`` return: a probability, or a number in the units of the target. Of an ensemble or portfolio it
    is the mean over its networks. Categories and tokens move between their embeddings, and get the sum over the
    entries of these; so do numbers of a trunk with ``ranks=True``.

    Parameters
    ----------
    net : MultiTaskNetEstimator, or the view of a task of one
        Fitted, with a trunk of this package or a module of your own.
    X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
        The rows to explain, in the form of ``fit``.
    task : str or None, default=None
        The task; None for that of a view, or the only one.
    target : object, default=None
        What to explain: a class, a label of a set, or the position of a column of several numbers. None is the
        second of two classes, the predicted one of more classes, and the only number or label.
    position : int, pair of int, or None, default=None
        For a task that labels tokens, the position of the token whose label is explained; for one that labels
        pixels, row and column of the pixel.
    baseline : object, default=None
        The input x'. By default:

        - the columns of a table: the medians in ``fit`` of numbers, and for categories the vector 0, as of one
          that ``fit`` did not see. Otherwise one row, or a row for each of X, in the form of X;
        - tokens: vectors of 0. Otherwise one token, a str, that stands at each position;
        - steps of numbers: their means in ``fit``. Otherwise one step (n_features,);
        - images and videos: 0, which is black. Otherwise a number, or an array with the shape of a row;
        - rows of a module of your own: 0. Otherwise an array with the shape of a row;
        - several inputs: a mapping of such by input.
    n_steps : int >= 2, default=50
        Number of points of the Gauss-Legendre quadrature of the integral.

    Returns
    -------
    Bunch
        With the fields

        attributions : ndarray, list of ndarray, or dict of such
            The shares: an array (n_samples, n_columns) for a table, even if X is sparse; for tokens a list of
            arrays (n_tokens,), for steps one of arrays (n_steps, n_features); an array of the shape of X for
            images, videos and a module of your own; for several inputs a dict by input.
        names : list of str, None, or dict of such
            Names of the columns of a table.
        predictions, baseline_predictions : ndarray of shape (n_samples,)
            f(x) and f(x').
        errors : ndarray of shape (n_samples,)
            The sum of the attributions minus their difference.
        targets : ndarray of shape (n_samples,)
            What is explained of each row: a class, a label, or the position of a column.

    Raises
    ------
    ImportError
        If captum is not installed; the extra ``explain`` installs it.
    TypeError
        If the estimator, its trunk or the task is of a kind that is not supported; the message names it.
    ValueError
        If the task, target or position is unknown or missing, or the baseline does not fit X.

    Warns
    -----
    UserWarning
        If the error of the sums is above 5 % of what they should be; more steps make it smaller.

    See Also
    --------
    task_importances : Which inputs matter for a task over many rows.
    TokenSaliencyDisplay, ImageSaliencyDisplay : Pictures of the result.

    References
    ----------
    .. [1] Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> from sklearn_mtl.inspection import integrated_gradients
    >>> X = np.random.default_rng(0).normal(size=(300, 3))
    >>> y = Targets(sick=X[:, 0] > 0, mass=2 * X[:, 1])
    >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=20, random_state=0).fit(X, y)
    >>> found = integrated_gradients(net, X[:5], "mass")
    >>> found.attributions.shape
    (5, 3)
    >>> change = found.predictions - found.baseline_predictions
    >>> bool(np.allclose(found.attributions.sum(axis=1), change, atol=0.05))
    True
    """
    captum = import_optional("captum.attr", "explain", _NAME)
    if isinstance(n_steps, bool) or not isinstance(n_steps, Integral) or n_steps < 2:
        raise ValueError(f"n_steps={n_steps!r} should be an int of at least 2.")
    network, name = network_of(net, task)
    explained = Explained(network, name, X, baseline, position)
    column = column_of_target(explained.task, name, target)
    found = explained.shares(column, int(n_steps), captum.IntegratedGradients)
    change = found.values - found.start
    _warn_of_errors(found.sums - change, change, int(n_steps))
    names = {key: route.names for key, route in explained.routes.items()}
    classes = getattr(explained.task, "classes_", None)
    return Bunch(
        attributions=found.attributions[None] if None in names else found.attributions,
        names=names.get(None, names),
        predictions=found.values,
        baseline_predictions=found.start,
        errors=found.sums - change,
        targets=found.columns if classes is None else np.asarray(classes)[found.columns],
    )


def network_of(net: Any, task: str | None, call: str = _NAME) -> tuple[MultiTaskNetEstimator, str]:
    """Return the fitted network of an estimator or a view, and the name of the task.

    Raises
    ------
    TypeError, ValueError
        If it is neither, is not fitted, or the task is unknown, missing or not predicted by the network.
    """
    steps, last = reach(net, call)
    if steps:
        raise TypeError(
            f"{call} explains what the network reads: pass pipeline[-1], and pipeline[:-1].transform(X) as X."
        )
    if isinstance(last, TaskView):
        if task is not None and task != last.task:
            raise ValueError(f"task={task!r}, but net shows the task {last.task!r}.")
        last, task = last.net_, last.task
    if not isinstance(last, MultiTaskNetEstimator):
        raise TypeError(f"{call} requires a fitted MultiTaskNetEstimator, got {type(last).__name__}.")
    if task is None and len(last.task_names_) > 1:
        raise ValueError(f"name the task to explain; the tasks are {last.task_names_}.")
    name = require_known(last, last.task_names_[0] if task is None else task)
    if name in last.task_predictors_:
        raise TypeError(f"task {name!r} is predicted by an estimator in the place of the network, see with_task.")
    return last, name


def column_of_target(task: Task, name: str, target: Any) -> int | None:
    """Return which value of a task is explained; None for the predicted class.

    Raises
    ------
    ValueError
        If the target is unknown, or missing where there are several.
    """
    classes = getattr(task, "classes_", None)
    known = list(range(task.n_elements_)) if classes is None else np.asarray(classes).tolist()
    if target is None:
        if classes is None or isinstance(task, MultilabelClassification):
            if len(known) > 1:
                raise ValueError(f"task {name!r} has several values; name one by target, one of {known}.")
            return 0
        return None if len(known) > 2 else len(known) - 1
    found = [column for column, label in enumerate(known) if label == target]
    if len(found) != 1:
        raise ValueError(f"target={target!r} is not one of {known} of the task {name!r}.")
    return found[0]


def _warn_of_errors(errors: np.ndarray, change: np.ndarray, n_steps: int) -> None:
    missed, total = np.abs(errors).sum(), np.abs(change).sum()
    if missed > TOLERANCE * total and missed > 1e-6 * len(errors):
        warn(
            f"the attributions miss {missed / max(total, 1e-12):.0%} of the changes that they should sum to; "
            f"increase n_steps={n_steps}."
        )
