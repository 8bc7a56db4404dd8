"""The validation rows of a fit: a share of its rows, whole groups, a split, or separate rows."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.model_selection import TimeSeriesSplit
from sklearn.utils.validation import _num_samples

from ..columns._survival import read_survival
from ..config import FitConfig
from ..data._dataset import Dataset, DataSplit, ValidationRows
from ..data._hold_out import HeldOut, held_out_of, hold_out
from ..data._hold_out_groups import check_groups, hold_out_groups
from ..data._positions import Positions
from ..data._weights import check_sample_weight
from ..model._blueprint import Blueprint
from ..model._label_inputs import with_hidden_labels
from ..targets import align_targets
from ..tasks import Survival
from ..trunks import SparseRows
from ..utils._random import Streams
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ..utils._warn import warn
from ._model import ValidationPositions
from ._plan import Plan
from ._prepare import encode_rows, listed


class ValidationData(NamedTuple):
    """Arguments of ``fit`` for validation.

    Parameters
    ----------
    groups : array-like of shape (n_samples,) or None
        The group of each row of the fit.
    X, y, sample_weight : object or None
        Separate validation rows.
    to_weigh_recipes : bool, default=False
        Whether rows are held out also without early stopping, to weigh the recipes of a portfolio.
    """

    groups: Any = None
    X: RowsLike = None
    y: TargetsLike = None
    sample_weight: WeightsLike = None
    to_weigh_recipes: bool = False

    def check(self, config: FitConfig) -> None:
        """Raise ValueError if arguments contradict each other or a parameter."""
        given = {"X_val": self.X, "y_val": self.y, "sample_weight_val": self.sample_weight}
        passed = [name for name, value in given.items() if value is not None]
        lacking = [name for name in ("X_val", "y_val") if given[name] is None]
        if not passed:
            return
        if lacking:
            raise ValueError(f"{passed[0]} is passed without {' and '.join(lacking)}; pass both X_val and y_val.")
        if self.groups is not None:
            raise ValueError(
                "groups and X_val are both passed: groups says which rows of X are held out, and with X_val none "
                "are. Pass one of them."
            )
        if config.early_stopping.is_off and not self.to_weigh_recipes:
            raise ValueError(
                "X_val and y_val have no effect with early_stopping=False; set it to True or 'auto', or pass no "
                "validation rows."
            )
        if hasattr(config.validation, "split"):
            raise ValueError(
                f"X_val and y_val are passed, but validation={config.validation!r} splits the rows of X; pass no "
                "validation rows, or leave out validation."
            )


NOTHING = ValidationData()


def validates(config: FitConfig, plan: Plan, given: ValidationData) -> bool:
    """Return whether a fit has validation rows; warn if early stopping lacks labels."""
    if given.to_weigh_recipes and config.early_stopping.is_off:
        config = config.with_stopping("auto")
    return given.X is not None or plan.stops_early(config)


def splits_of(
    config: FitConfig,
    plan: Plan,
    rows: Dataset,
    X: RowsLike,
    given: ValidationData,
    owner: BaseEstimator,
    *,
    stops: bool,
    epoch: int = 0,
    n_folds: int = 1,
) -> list[DataSplit]:
    """Split the rows of a fit into training and validation rows, once or several times.

    Parameters
    ----------
    config : FitConfig
    plan : Plan
    rows : Dataset
        All rows, encoded.
    X : object
        What the user passed to ``fit``.
    given : ValidationData
    owner : BaseEstimator
        The estimator that checks of X name in messages.
    stops : bool
        Whether there are validation rows, see `validates`.
    epoch : int, default=0
        Epochs trained before; a later fit draws another split.
    n_folds : int, default=1
        Number of splits.

    Returns
    -------
    list of DataSplit
        At least one, at most ``n_folds``; fewer if the rows do not allow more.
    """
    groups = None if given.groups is None else check_groups(given.groups, len(rows))
    if given.X is not None:
        return [DataSplit(rows, encoded_apart(plan, given, owner, rows))]
    if groups is not None and not stops:
        warn(
            f"groups has no effect: with early_stopping={config.early_stopping.when!r} and {len(rows)} rows none "
            "are held out.",
        )
    held = _held_out(config, plan, rows, X, groups, epoch, n_folds) if stops and len(rows) > 1 else []
    if not held:
        return [DataSplit(rows, None)]
    _tell(config, plan, held)
    return [_split(plan, rows, one) for one in held]


def positions_of(splits: Sequence[DataSplit]) -> ValidationPositions:
    """Return the positions of held-out rows, for an ensemble by member; None if no rows of X are held out."""
    positions = [None if split.valid is None else split.valid.positions for split in splits]
    found = [rows for rows in positions if rows is not None]
    if not found:
        return None
    return found[0] if len(splits) == 1 else found


def _held_out(
    config: FitConfig, plan: Plan, rows: Dataset, X: RowsLike, groups: np.ndarray | None, epoch: int, n_folds: int
) -> list[HeldOut]:
    """Return the rows of several folds."""
    streams, tasks = Streams(plan.blueprint.seed), plan.blueprint.tasks
    task_groups = plan.blueprint.one_objective().groups
    if hasattr(config.validation, "split"):
        splitter = copy.deepcopy(config.validation)  # splitting would change a RandomState
        if getattr(splitter, "random_state", 0) is None:
            splitter.random_state = streams.derive("validation", epoch) % 2**32
        parts = _parts_of(splitter, plan, X, groups, n_folds)
        return [held_out_of(*part, rows, task_groups, tasks) for part in parts]
    n_valid = min(max(1, round(config.validation * len(rows))), len(rows) - 1)
    generator = partial(streams.generator, "validation", epoch)
    if groups is not None:
        return hold_out_groups(rows, task_groups, tasks, groups, n_valid, generator(), n_folds)
    return [hold_out(rows, task_groups, tasks, n_valid, generator(), fold, n_folds) for fold in range(n_folds)]


def _parts_of(
    splitter: Any, plan: Plan, X: RowsLike, groups: np.ndarray | None, n_folds: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return training and validation rows of the first splits; of a `TimeSeriesSplit`, of the last ones."""
    targets = plan.targets
    y = next(iter(targets.values())) if len(targets) == 1 else targets
    try:
        splits = [tuple(map(np.asarray, split)) for split in splitter.split(X, y, groups)]
    except (TypeError, ValueError) as error:
        lacking = "" if groups is not None else " (groups, if it needs any, are passed to fit)"
        raise ValueError(f"validation={splitter!r} cannot split the rows: {error}{lacking}") from error
    if isinstance(splitter, TimeSeriesSplit):  # only the last one trains on nearly all rows
        splits = splits[::-1]
    n_rows = len(next(iter(targets.values())))
    return [tuple(_checked(splitter, part, n_rows)) for part in splits[:n_folds]]  # type: ignore[misc]


def _checked(splitter: Any, parts: Sequence[np.ndarray], n_rows: int) -> list[torch.Tensor]:
    """Check the positions of a split, and sort them."""
    if len(parts) != 2 or any(part.ndim != 1 or part.dtype.kind not in "iub" for part in parts):
        raise ValueError(f"validation={splitter!r} should split rows into two arrays of their positions.")
    train, valid = (np.flatnonzero(part) if part.dtype.kind == "b" else np.unique(part) for part in parts)
    if not len(train) or not len(valid):
        raise ValueError(
            f"validation={splitter!r} returns {len(train)} training rows and {len(valid)} validation rows of "
            f"{n_rows}; both need at least one."
        )
    if min(train[0], valid[0]) < 0 or max(train[-1], valid[-1]) >= n_rows:
        raise ValueError(f"validation={splitter!r} returns positions beyond the {n_rows} rows.")
    both = np.intersect1d(train, valid)
    if len(both):
        raise ValueError(
            f"validation={splitter!r} trains on {len(both)} of the rows that it validates on, first on row "
            f"{both[0]}; no row should be in both."
        )
    return [torch.from_numpy(part.astype(np.int64)) for part in (train, valid)]


def _tell(config: FitConfig, plan: Plan, held: Sequence[HeldOut]) -> None:
    """Warn of tasks that lack labels on one side; raise ValueError if no task can be validated."""
    watched = plan.blueprint.watched
    lacking = set(held[0].not_validated)
    unseen = [name for name in watched if name in lacking]
    if len(unseen) == len(watched):
        raise ValueError(
            f"validation={config.validation!r}: no held-out row has a label of any trained task; hold out other "
            "rows, or set early_stopping=False."
        )
    if unseen:
        warn(
            f"early stopping does not watch {listed(unseen)}: too few labels to hold out some. "
            "They are trained as long as the others; a larger validation, or "
            "early_stopping=False, may suit them better.",
        )
    untrained = list(dict.fromkeys(name for one in held for name in one.not_trained))
    if untrained:
        warn(
            f"the held-out rows have all labels of {listed(untrained)}, or all of some class: these are not "
            "trained. Hold out other rows, or set early_stopping=False.",
        )


def _warn_of_no_event(
    blueprint: Blueprint, labels: Mapping[str, np.ndarray], rows: np.ndarray | slice = slice(None)
) -> None:
    """Warn of tasks whose validation rows are all censored: a partial likelihood is then 0 whatever is learned."""
    lacking = []
    for name in blueprint.watched:
        if blueprint.tasks[name].compares_rows and isinstance(blueprint.tasks[name], Survival):
            found = read_survival(labels[name][rows])
            if found.labelled.any() and not found.event.any():
                lacking.append(name)
    if lacking:
        warn(
            f"the validation rows have no event of {listed(lacking)}: their loss is always 0, and early stopping "
            "cannot judge it. Validate on rows with events, or set early_stopping=False.",
        )


def _split(plan: Plan, data: Dataset, held: HeldOut) -> DataSplit:
    rows = held.valid.numpy()
    weights = plan.sample_weight
    _warn_of_no_event(plan.blueprint, plan.targets, rows)
    watched = ValidationRows(
        with_hidden_labels(plan.blueprint, data).subset(held.valid),
        labels=_labels_of(plan, rows),
        sample_weight=None if weights is None else _rows_of_each(weights, rows),
    )
    return DataSplit(data.subset(held.train), watched)


def _labels_of(plan: Plan, rows: np.ndarray) -> Mapping[str, np.ndarray]:
    """Return the labels of some rows for the tasks that are trained."""
    targets = plan.targets
    if targets.is_sparse:
        return targets._select(plan.blueprint.active)[rows]
    return {name: targets[name][rows] for name in plan.blueprint.active}


def _rows_of_each(weights: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """Select some rows of the weights of each task; equal weights of all tasks stay one array."""
    picked = {id(weight): weight[rows] for weight in weights.values()}
    return {name: picked[id(weight)] for name, weight in weights.items()}


def encoded_apart(
    plan: Plan,
    given: ValidationData,
    owner: BaseEstimator,
    rows: Dataset,
    names_of: tuple[str, str, str] = ("X_val, y_val", "y_val", "sample_weight_val"),
) -> ValidationRows:
    """Encode separate validation rows with the fitted trunk and tasks.

    Parameters
    ----------
    plan : Plan
    given : ValidationData
        The rows.
    owner : BaseEstimator
        The estimator that checks of X name in messages.
    rows : Dataset
        Rows of the fit, encoded.
    names_of : tuple of str
        What messages call the rows, their labels and their weights.
    """
    of_rows, of_labels, of_weights = names_of
    blueprint, names = plan.blueprint, list(plan.targets)
    try:
        targets, _ = align_targets(given.y, names)
        n_rows = _num_samples(given.X)
        if len(targets) != n_rows:
            raise ValueError(f"X_val has {n_rows} rows, and y_val has {len(targets)}")
        for name, task in blueprint.tasks.items():
            if name in targets and not targets.is_sparse:
                Positions.in_rows(given.X, blueprint.trunk).check(task, targets[name])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{of_rows}: {error}") from error
    try:
        weights = check_sample_weight(given.sample_weight, names, n_rows)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{of_weights}: {error}") from error
    try:
        data = encode_rows(blueprint, given.X, targets, weights, owner=owner, device=rows.device)
        if any(
            isinstance(data.inputs[name], SparseRows) != isinstance(rows.inputs[name], SparseRows)
            for name in rows.inputs
        ):
            raise ValueError("one of X and X_val is sparse; pass both sparse, or both dense")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{of_rows}: {error}") from error
    task_groups = blueprint.one_objective().groups
    watched, every = blueprint.watched, torch.arange(len(data))
    lacking = set(held_out_of(every[:0], every, data, task_groups, blueprint.tasks).not_validated)
    unseen = [name for name in watched if name in lacking]
    if len(unseen) == len(watched):
        raise ValueError(f"{of_labels} has no label of any trained task (of a weight above 0).")
    if unseen:
        warn(f"early stopping does not watch {listed(unseen)}: {of_labels} has no label of theirs.")
    _warn_of_no_event(blueprint, targets)
    data = with_hidden_labels(blueprint, data)
    labels = targets if targets.is_sparse else {name: targets[name] for name in names}
    return ValidationRows(data, labels, weights, given.X)
