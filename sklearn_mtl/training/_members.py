"""Members of a stacked training: prepared fits, and which of them can share a stack."""

from __future__ import annotations

import inspect
from collections.abc import Hashable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from sklearn.base import BaseEstimator
from torch import nn

from ..config import FitConfig
from ..data._dataset import Dataset, fewest_rows, n_batches
from ..nn._layers import DrawsAtRandom
from ..nn._stacking import structure_of
from ..tasks import Task
from ..utils._modes import own_modes
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ._auto import batch_size_of, rows_for_labels, schedule_of
from ._finish import finish
from ._model import Model
from ._plan import plan_fit
from ._prepare import encode_rows
from ._stack import Member
from ._stacked import Trained
from ._validation import NOTHING, ValidationData, positions_of, splits_of, validates

CPU = torch.device("cpu")


@own_modes()
def member_of(
    config: FitConfig,
    owner: BaseEstimator,
    X: RowsLike,
    y: TargetsLike,
    sample_weight: WeightsLike = None,
    given: ValidationData = NOTHING,
) -> Member:
    """Prepare a fit up to its training.

    Parameters
    ----------
    config : FitConfig
    owner : BaseEstimator
        scikit-learn's checks of X set ``n_features_in_`` on it.
    X, y, sample_weight : object
        Arguments of ``fit``.
    given : ValidationData, default=NOTHING
        Arguments of ``fit`` for validation.
    """
    given.check(config)
    plan = plan_fit(config, owner, X, y, sample_weight)
    stops = validates(config, plan, given)
    rows = encode_rows(plan.blueprint, X, plan.targets, plan.sample_weight, owner=owner, device=CPU)
    data = splits_of(config, plan, rows, X, given, owner, stops=stops)[0]
    return Member(plan.blueprint, plan.container, data, settled(config, rows, anneals=not stops))


def settled(config: FitConfig, data: Dataset, anneals: bool) -> FitConfig:
    """Resolve "auto" in the batch size and in the learning rate schedule, for the encoded rows of a fit."""
    config = config.with_schedule(schedule_of(config, anneals))
    return replace(config, batch_size=batch_size_of(config.batch_size, data.n_all, rows_for_labels(data)))


@own_modes()
def structure_key(member: Member) -> Hashable:
    """Return what members must have in common to be stacked."""
    blueprint, data, config = member.blueprint, member.data, member.config
    number = {name: position for position, name in enumerate(blueprint.tasks)}
    losses = [
        (tuple(number[name] for name in group.names), group.widths, _fixed(group.task), _own_loss(group.task))
        for group in blueprint.one_objective().groups
    ]
    network = blueprint.network()
    return (
        structure_of(network),
        tuple(losses),
        (blueprint.dtype, repr(blueprint.weighting), _rows_in_common(member, network)),
        tuple(_fixed(spec) for spec in (blueprint.trunk, blueprint.architecture, *blueprint.penalties)),
        data.valid is None,
        (config.optimizer.algorithm, config.optimizer.schedule, config.batch_size),
    )


def _rows_in_common(member: Member, network: nn.Module) -> tuple[str, int]:
    """Return the number of batches that members must have in common, or that of rows.

    Where a batch is padded to the rows of another member, the rows of padding do not count. They would where rows
    are compared, and where random numbers are drawn for each row.
    """
    n_rows, fewest = len(member.data.train), fewest_rows(network)
    draws = any(isinstance(layer, DrawsAtRandom) and layer.draws_at_random for layer in network.modules())
    compares = fewest > 1 or any(task.compares_rows for task in member.blueprint.tasks.values())
    if draws or compares or not member.blueprint.has_member_axis:
        return "rows", n_rows
    return "batches", n_batches(n_rows, int(member.config.batch_size), fewest)


def _fixed(spec: Any) -> Hashable:
    """Return the parameters of a spec in which stacked members must agree."""
    params = spec.get_params(deep=True)
    fixed = {name: repr(value) for name, value in params.items() if name not in spec.stackable_params}
    return type(spec), tuple(sorted(fixed.items()))


def _own_loss(task: Task) -> int | None:
    """Return the id of a loss function that its repr does not identify; otherwise None."""
    loss = getattr(task, "loss", None)
    arguments = [*loss.args, *loss.keywords.values()] if isinstance(loss, partial) else []
    is_identified = all(value is None or isinstance(value, bool | int | float | str) for value in arguments)
    function = loss.func if isinstance(loss, partial) else loss
    return None if is_identified and (not callable(function) or inspect.isroutine(function)) else id(loss)


def model_of(member: Member, trained: Trained, device: torch.device) -> Model:
    """Build the model of a trained member; raise its error if it failed."""
    if trained.error is not None:
        raise trained.error
    positions = positions_of([member.data])
    model = Model.from_weights(
        member.blueprint, member.container, trained.weights, trained.history, device, positions
    )
    finish(model, member.data.train)
    return model
