"""Training of a model, from a config and the user's rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from sklearn.base import clone
from sklearn.utils.validation import _num_samples
from skorch.callbacks.scoring import ScoringBase

from ..config import FitConfig
from ..data._dataset import Dataset, DataSplit
from ..data._positions import Positions
from ..data._weights import check_sample_weight
from ..model._blueprint import Blueprint
from ..targets import read_targets
from ..tasks import Task
from ..tasks._rating import chosen_metrics
from ..utils._device import resolve_device
from ..utils._modes import own_modes
from ..utils._random import Streams
from ..utils._ranks import Ranks
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ..utils._warn import warn
from ._caller import Caller
from ._checkpoint import open_checkpoint
from ._continuation import refuse_changes
from ._eligibility import Eligibility
from ._finish import finish
from ._join import join
from ._make_net import make_net
from ._members import settled
from ._model import Model
from ._parallel import refuse_network, refuse_other_rows
from ._plan import Plan, plan_fit
from ._prepare import encode_rows, fit_tasks
from ._scoring_view import scoring_view
from ._stack import Member, Stack, stacks_of, warn_of_metrics
from ._stopping import stopping_rule
from ._training_state import Keeper, LastEpoch, continue_from
from ._validation import NOTHING, ValidationData, positions_of, splits_of, validates
from .callbacks._callback_list import has_callback

# The arguments of fit by which a fit is identified, in the order of `ValidationData` at the end.
ROWS = ("X", "y", "sample_weight", "groups", "X_val", "y_val", "sample_weight_val", "to_weigh_recipes")


@own_modes()
def learn(
    config: FitConfig,
    caller: Caller,
    X: RowsLike,
    y: TargetsLike,
    sample_weight: WeightsLike,
    *,
    given: ValidationData,
    previous: Model | None,
    resume: bool = False,
) -> Model:
    """Fit trunk and tasks, encode the rows once, and train.

    Parameters
    ----------
    config : FitConfig
    caller : Caller
        The estimator that is fitted.
    X, y, sample_weight : object
        What the user passed to ``fit``.
    given : ValidationData
        What the user passed for validation.
    previous : Model or None
        Model to continue, with its weights, trunk and tasks; None starts a new one.
    resume : bool, default=False
        Whether to continue from the checkpoint of this fit, if there is one.
    """
    given.check(config)
    rows = dict(zip(ROWS, [X, y, sample_weight, *given], strict=True))
    config, ranks = join(config, rows)
    plan = plan_fit(config, caller.owner, X, y, sample_weight, previous)
    if ranks is not None:
        plan = plan._replace(blueprint=replace(plan.blueprint, seed=ranks.of_first(plan.blueprint.seed)))
    stops = validates(config, plan, given)
    anneals = previous is None and (not stops or config.early_stopping.is_off)
    set_up = partial(
        _set_up, config, caller, X=X, given=given, previous=previous, stops=stops, anneals=anneals, ranks=ranks
    )
    return train_fit(config, caller, plan, list(rows.values()), previous, anneals, resume, set_up, ranks)


def train_fit(
    config: FitConfig,
    caller: Caller,
    plan: Plan,
    rows: Sequence[Any],
    previous: Model | None,
    anneals: bool,
    resume: bool,
    set_up: Callable[[Plan], tuple[Model, list[Stack]]],
    ranks: Ranks | None = None,
) -> Model:
    """Train all epochs of a fit that has been planned, with its checkpoints.

    Parameters
    ----------
    config : FitConfig
    caller : Caller
    plan : Plan
    rows : sequence of object
        What identifies the rows of the fit, for the name of its checkpoint.
    previous : Model or None
        The model that the fit continues.
    anneals : bool
        Whether the schedule "auto" lowers the learning rate.
    resume : bool
        Whether to continue from the checkpoint.
    set_up : callable
        Builds the model and its stacks for the plan.
    ranks : Ranks or None, default=None
        The processes of the fit, the first of which has the checkpoint; None for one.
    """
    opened = partial(open_checkpoint, config, rows, previous, anneals, resume)
    checkpoint, saved = opened() if ranks is None else ranks.by_first(opened)
    if saved is not None:
        plan = plan._replace(blueprint=replace(plan.blueprint, seed=saved["seed"]))
    model, stacks = set_up(plan)
    start, epochs = len(model.net.history), config.max_epochs
    if checkpoint is not None and saved is not None:
        epochs = checkpoint.resume(model.net, saved, epochs)
    last = LastEpoch()
    writes = checkpoint is not None and (ranks is None or ranks.is_first)
    keepers: list[Keeper] = [last, checkpoint] if checkpoint is not None and writes else [last]
    watchers = [("sklearn", caller.watch(model))] if caller.watch is not None else []
    try:
        model.net.train(stacks, epochs, watchers=watchers, keepers=keepers, start=start)
    except KeyboardInterrupt:
        if caller.keep is not None and last.put_back(model.net):
            finish(model, stacks[0].members[0].data.train)
            caller.keep(model)
        raise
    finish(model, stacks[0].members[0].data.train)
    return model


@own_modes()
def learn_batch(
    config: FitConfig,
    caller: Caller,
    X: RowsLike,
    y: TargetsLike,
    sample_weight: WeightsLike,
    *,
    previous: Model | None,
    classes: Any,
) -> Model:
    """Train for one epoch on all rows; continue a previous model and its optimiser if there is one."""
    plan = plan_fit(config, caller.owner, X, y, sample_weight, previous, classes)
    model, stacks = _set_up(
        config, caller, plan, X=X, given=NOTHING, previous=previous, stops=False, anneals=False,
        keep_optimizer=True, warns=False,
    )  # fmt: skip
    model.net.train(stacks, epochs=1)
    finish(model, stacks[0].members[0].data.train)
    return model


@own_modes()
def learn_added_task(
    config: FitConfig,
    caller: Caller,
    previous: Model,
    name: str,
    X: RowsLike,
    y: TargetsLike,
    task: Task | str | None,
    sample_weight: WeightsLike,
    groups: Any,
    *,
    freeze: bool,
) -> Model:
    """Build a network with one more head, load the previous weights, and train the new task.

    Parameters
    ----------
    config : FitConfig
        How to train the task.
    caller : Caller
        The fitted estimator.
    previous : Model
        Its present model.
    name : str
        Name of the new task.
    X, y, sample_weight, groups : object
        Its rows, labels, weights and groups.
    task : Task, str or None
        Its type; None infers it.
    freeze : bool
        Whether the existing layers are not trained.
    """
    refuse_changes(config, X, previous.blueprint)
    known = list(previous.blueprint.tasks)
    if not isinstance(name, str) or name in known:
        raise ValueError(f"name={name!r} should be a str other than the names of the tasks {known}.")
    targets, _ = read_targets({name: y})
    weights = check_sample_weight(sample_weight, [name], _num_samples(X))
    given = None if task is None else {name: clone(task, safe=False)}
    positions = Positions.in_rows(X, previous.blueprint.trunk)
    fitted = fit_tasks(targets, given, config.kind, weights, positions=positions)[name]
    blueprint = _with_task(previous.blueprint, name, fitted)
    plan = Plan(replace(blueprint, focus=(name,)), previous.container.with_task(name), targets, weights)
    held = ValidationData(groups)
    stops = validates(config, plan, held)
    model, stacks = _set_up(
        config, caller, plan, X=X, given=held, previous=None, stops=stops, anneals=not stops, adds_to=previous
    )
    network = model.net.module_
    network.freeze(freeze)
    # a new head starts with the first rates of the schedulers of callbacks
    model.net.train(stacks, config.max_epochs, origin=len(model.net.history))
    network.freeze(False)
    # a new net, because optimiser and objective are those of the new task alone
    weights_now = {key: tensor.detach().clone() for key, tensor in network.state_dict().items()}
    added = Model.from_weights(
        blueprint, plan.container, weights_now, model.history, model.device, model.validation_rows
    )
    finish(added, stacks[0].members[0].data.train, plan.blueprint)
    return added


def _with_task(blueprint: Blueprint, name: str, task: Task) -> Blueprint:
    return replace(
        blueprint,
        tasks={**blueprint.tasks, name: task},
        task_weights={**blueprint.task_weights, name: 1.0},
        score_weights={**blueprint.score_weights, name: 1.0},
        added=(*blueprint.added, name),
    )


def _set_up(
    config: FitConfig,
    caller: Caller,
    plan: Plan,
    *,
    X: RowsLike,
    given: ValidationData,
    previous: Model | None,
    stops: bool,
    anneals: bool,
    **details: Any,
) -> tuple[Model, list[Stack]]:
    """Encode the rows, and build the networks with initial weights or those of another model.

    Parameters
    ----------
    given : ValidationData
        What the user passed for validation.
    stops : bool
        Whether there are rows to validate on.
    **details : dict
        Further parameters of `assemble`.
    """
    chosen_metrics(config.metrics, plan.blueprint.tasks)
    device = resolve_device(config.device)
    rows = encode_rows(plan.blueprint, X, plan.targets, plan.sample_weight, owner=caller.owner, device=device)
    split = partial(splits_of, rows=rows, X=X, given=given, owner=caller.owner, stops=stops)
    return assemble(config, caller, plan, rows, X, split, previous, anneals=anneals, **details)


def assemble(
    config: FitConfig,
    caller: Caller,
    plan: Plan,
    rows: Dataset,
    X: RowsLike,
    split: Callable[..., list[DataSplit]],
    previous: Model | None,
    *,
    anneals: bool,
    keep_optimizer: bool = False,
    warns: bool = True,
    adds_to: Model | None = None,
    ranks: Ranks | None = None,
) -> tuple[Model, list[Stack]]:
    """Build the networks for encoded rows, with initial weights or those of another model.

    Parameters
    ----------
    rows : Dataset
        All rows, encoded.
    X : object
        The same rows as passed to ``fit``, for callbacks that score them.
    split : callable
        Returns the splits for the config and the plan, see `splits_of`.
    previous : Model or None
        The model that the fit continues.
    anneals : bool
        Whether the schedule "auto" lowers the learning rate: not with early stopping, and not if trainings
        continue each other.
    keep_optimizer : bool, default=False
        Whether to keep the state of the optimiser of the previous model.
    warns : bool, default=True
        Whether to warn of callbacks that need validation rows if there are none.
    adds_to : Model or None, default=None
        The model that a task is added to.
    ranks : Ranks or None, default=None
        The processes that train the network together.
    """
    yields = config.optimizer.schedule == "auto"
    config = settled(config, rows, anneals)
    before = previous or adds_to
    one_by_one = before.blueprint.one_by_one if before else _one_by_one(config, plan.blueprint, rows)
    plan = plan._replace(blueprint=replace(plan.blueprint, one_by_one=one_by_one))
    model = _make_model(config, plan, rows.device, yields)
    if previous is not None:
        continue_from(model.net, previous.net, with_optimizer=keep_optimizer)
    elif adds_to is not None:
        model.net.module_.take_over(adds_to.net.module_.state_dict())
        model.net.take_history(adds_to.history)
    # members validate on different rows, but a callback that scores needs rows that no member was trained on
    n_folds = 1 if has_callback(config.callbacks, ScoringBase) else len(plan.blueprint.members)
    epoch = len(model.net.history)
    splits = _of_members(config, plan.blueprint.members, split(config, plan, epoch=epoch, n_folds=n_folds), epoch)
    model.validation_rows = positions_of(splits)
    if splits[0].valid is not None and not config.early_stopping.is_off:
        model.net.stopping = stopping_rule(config)
    model.net.scoring = scoring_view(caller, model, X, plan.targets, splits[0], warns)
    members = [
        Member(blueprint, plan.container, one, config)
        for blueprint, one in zip(plan.blueprint.members, splits, strict=True)
    ]
    warn_of_metrics(members)
    net, precision = model.net, config.optimizer.mixed_precision
    net.ranks = ranks
    if ranks is not None:
        refuse_network(net.module_, plan.blueprint)
        refuse_other_rows(ranks, splits[0])
        ranks.align([*net.module_.state_dict().values(), *net.criterion_.state_dict().values()])
    return model, stacks_of(net.module_, net.criterion_, members, rows.device, precision, ranks)


def _one_by_one(config: FitConfig, blueprint: Blueprint, rows: Dataset) -> bool:
    """Return whether the members of an ensemble cannot be stacked."""
    if len(blueprint.members) == 1:
        return False
    eligibility = Eligibility.of_config(config, one_fit=True)
    if eligibility.can_be_stacked:
        eligibility = Eligibility.of_rows(blueprint.member(0), rows, int(config.batch_size), one_fit=True)
    return not eligibility.can_be_stacked


def _of_members(
    config: FitConfig, members: Sequence[Blueprint], found: Sequence[DataSplit], epoch: int
) -> list[DataSplit]:
    """Assign a split to each member, with the same number of training rows, because all steps are common.

    Members with fewer rows, for instance with groups, repeat some. With ``bootstrap`` each member draws its rows.
    """
    splits = [found[number % len(found)] for number in range(len(members))]
    n_rows = max(len(split.train) for split in splits)
    draws = len(members) > 1 and getattr(config.ensemble, "bootstrap", False)
    if not draws and all(len(split.train) == n_rows for split in splits):
        return splits
    return [
        _drawn(one, blueprint.seed, epoch, n_rows, draws) for one, blueprint in zip(splits, members, strict=True)
    ]


def _drawn(split: DataSplit, seed: int, epoch: int, n_rows: int, with_replacement: bool) -> DataSplit:
    """Draw training rows with replacement, or repeat random rows until there are ``n_rows``."""
    rows = split.train.rows if split.train.rows is not None else torch.arange(len(split.train))
    generator = Streams(seed).generator("bootstrap", *([epoch] if epoch else []))
    if with_replacement:
        return DataSplit(
            split.train.subset(rows[torch.randint(len(rows), (n_rows,), generator=generator)]), split.valid
        )
    again = [rows[torch.randperm(len(rows), generator=generator)] for _ in range(-(-n_rows // len(rows)) - 1)]
    return DataSplit(split.train.subset(torch.cat([rows, *again])[:n_rows]), split.valid)


def _make_model(config: FitConfig, plan: Plan, device: torch.device, yields: bool) -> Model:
    """Build a model with initial weights."""
    blueprint = plan.blueprint
    if blueprint.weighting.needs_gramian and not config.task_sampling.trains_all:
        raise ValueError(
            f"weighting={config.weighting!r} compares the gradients of several tasks, but "
            f"task_sampling={config.task_sampling!r} trains one task in a step."
        )
    net = make_net(
        blueprint.network(),
        blueprint.objective(),
        blueprint,
        optimizer=config.optimizer.algorithm,
        hyperparameters=config.hyperparameters,
        schedule=config.optimizer.schedule,
        schedule_yields=yields,
        clip_norm=config.optimizer.clip_norm,
        monitor=config.early_stopping.monitor,
        sampling=config.task_sampling,
        batch_size=config.batch_size,
        device=device,
        callbacks=config.callbacks,
        max_epochs=config.max_epochs,
        net_params=config.net_params,
        verbose=config.verbose,
    )
    if blueprint.weighting.needs_gramian and len(blueprint.active) > 1 and not net.module_.shared_parameters():
        warn(
            f"weighting={config.weighting!r} balances the gradients of shared parameters, but with "
            f"architecture={config.architecture!r} the tasks share nothing: it has no effect.",
            UserWarning,
        )
    return Model(blueprint, plan.container, net)
