"""From estimators and their rows to members of a stacked training, and which of them go together."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import torch
from sklearn.utils.validation import _num_samples

from ..architectures import resolve_architecture
from ..columns._ragged import RaggedRows
from ..model._batch_ensemble import is_batch_ensemble
from ..model._vmapped import why_not_vmapped
from ..nn._stacking import structure_of
from ..sampling import resolve_task_sampling
from ..trunks import SparseRows, resolve_trunk
from ..utils._modes import own_modes
from ..weighting import resolve_weighting
from ._auto import batch_size_of, schedule_of
from ._callback_list import callbacks_of
from ._learn import plan_fit
from ._model import Model
from ._optimizer import OPTIMIZERS
from ._prepare import prepare_data
from ._stacked import Member, Settings, Trained

CPU = torch.device("cpu")


@own_modes()
def member_of(estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> Member:
    """Do what ``fit`` does before it trains.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator
        Its parameters are read, and scikit-learn's checks of X set ``n_features_in_`` on it.
    X, y, sample_weight : object
        What ``fit`` would get.
    """
    plan = plan_fit(estimator, X, y, sample_weight)
    fraction = plan.validation_fraction(estimator)
    data = prepare_data(
        plan.blueprint, X, plan.targets, plan.sample_weight,
        owner=estimator, device=CPU, validation_fraction=fraction,
    )  # fmt: skip
    return Member(plan.blueprint, plan.container, data, settings_of(estimator, _num_samples(X), not fraction))


def settings_of(estimator: Any, n_rows: int, anneals: bool) -> Settings:
    """Read how an estimator wants to be trained."""
    return Settings(
        optimizer=estimator.optimizer,
        learning_rate=estimator.learning_rate,
        weight_decay=estimator.weight_decay,
        learning_rate_schedule=schedule_of(estimator, anneals),
        clip_norm=estimator.clip_norm,
        max_epochs=estimator.max_epochs,
        batch_size=batch_size_of(estimator.batch_size, n_rows),
        monitor=estimator.monitor,
        n_iter_no_change=estimator.n_iter_no_change,
        tol=estimator.tol,
    )


@own_modes()
def structure_key(member: Member) -> Hashable:
    """Give what members must have in common to be trained side by side."""
    blueprint, data, settings = member.blueprint, member.data, member.settings
    losses = [(group.names, group.widths, _fixed(group.task)) for group in blueprint.objective().groups]
    return (
        structure_of(blueprint.network()),
        tuple(losses),
        (blueprint.dtype, repr(blueprint.weighting), len(data.train)),
        tuple(_fixed(spec) for spec in (blueprint.trunk, blueprint.architecture, *blueprint.penalties)),
        None if data.valid is None else len(data.valid.data),
        (settings.optimizer, settings.learning_rate_schedule, settings.batch_size),
    )


def _fixed(spec: Any) -> Hashable:
    """Give what a spec must have in common with those of other members."""
    params = spec.get_params(deep=True)
    fixed = {name: repr(value) for name, value in params.items() if name not in spec.stackable_params}
    return type(spec), tuple(sorted(fixed.items()))


def why_not_stackable(estimator: Any) -> str | None:
    """Say why fits of an estimator cannot be trained side by side; None if they can."""
    if is_batch_ensemble(estimator):
        return "ensemble='batch' is a stack of its own"
    if estimator.optimizer not in OPTIMIZERS:
        return "optimizer is a class of its own; the stacked ones are those known by name"
    if callbacks_of(estimator.callbacks):
        return "callbacks follow one training each"
    if estimator.checkpoint is not None:
        return "checkpoint keeps the training of one fit each"
    if estimator.net_params:
        return "net_params change what skorch does"
    if not resolve_task_sampling(estimator.task_sampling).trains_all:
        return "task_sampling gives each fit batches of its own"
    if estimator.early_stopping == "per_task":
        return "early_stopping='per_task' takes tasks out of one fit and not of another"
    if estimator.mixed_precision:
        return "mixed_precision is not stacked"
    trunk, architecture = resolve_trunk(estimator.trunk), resolve_architecture(estimator.architecture)
    for spec in (trunk, architecture, resolve_weighting(estimator.weighting)):
        if spec.not_stackable is not None:
            return f"{spec!r}: {spec.not_stackable}"
    return None


@own_modes()
def why_not_stacked(member: Member) -> str | None:
    """Say why a fit that is prepared cannot be trained side by side with others; None if it can."""
    data = member.data.train
    if any(isinstance(values, SparseRows) for values in data.inputs.values()):
        return "a sparse X is densified batch by batch"
    if any(isinstance(values, RaggedRows) for values in [*data.inputs.values(), *data.targets]):
        return "rows of different lengths are put into batches of similar ones, fit by fit"
    if member.blueprint.has_member_axis:
        return None
    rows = torch.arange(len(data)) if data.rows is None else data.rows
    reason = why_not_vmapped(member.blueprint, data.batch(rows[: member.settings.batch_size]))
    return None if reason is None else f"{member.blueprint.trunk!r} in {member.blueprint.architecture!r}: {reason}"


def model_of(member: Member, trained: Trained, device: torch.device) -> Model:
    """Make the model that the same fit alone would have made; raise the error if it failed."""
    if trained.error is not None:
        raise trained.error
    return Model.from_weights(member.blueprint, member.container, trained.weights, trained.history, device)
