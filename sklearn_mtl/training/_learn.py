"""From an estimator's parameters and the user's rows to a trained model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples
from skorch.callbacks import Callback

from ..architectures import resolve_architecture
from ..columns._missing import is_missing
from ..data._hold_out import count_labels
from ..data._positions import Positions
from ..data._weights import check_sample_weight, check_weights, common_weight
from ..model._batch_ensemble import is_batch_ensemble
from ..model._blueprint import Blueprint, check_shareable
from ..penalties import Penalty, resolve_penalties
from ..sampling import TaskSampling, resolve_task_sampling
from ..targets import Container, Targets, align_targets, name_of, read_targets
from ..trunks import resolve_trunk
from ..utils._device import resolve_device
from ..utils._modes import own_modes
from ..utils._params import validate_spec
from ..utils._warn import warn
from ..weighting import Weighting, resolve_weighting
from ._auto import batch_size_of, schedule_of, validation_fraction_of
from ._checkpoint import open_checkpoint
from ._going_on import asked_of, goes_on
from ._make_net import make_net
from ._model import Model
from ._prepare import fit_tasks, prepare_data
from ._scoring_view import scoring_view
from ._stopping import stopping_rule
from ._training_state import LastEpoch


class Plan(NamedTuple):
    """What is known before training: the blueprint, and the rows' labels and weights by task."""

    blueprint: Blueprint
    container: Container
    targets: Targets
    sample_weight: dict[str, np.ndarray] | None

    def validation_fraction(self, estimator: Any) -> float:
        """Share of the rows that are held out: 0 if nothing is to stop early, or nothing can."""
        return validation_fraction_of(
            estimator, count_labels(self.targets, self.sample_weight, self.blueprint.active)
        )


@own_modes()
def learn(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    *,
    previous: Model | None,
    epochs: int,
    watch: Callable[[Model], Callback],
    resume: bool = False,
    keep: Callable[[Model], None] | None = None,
) -> Model:
    """Fit trunk and tasks, encode the rows once, and train.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator
        Its parameters are read, and scikit-learn's checks of X set ``n_features_in_`` on it.
    X, y, sample_weight : object
        What the user passed to ``fit``.
    previous : Model or None
        Go on from its weights, with its trunk and tasks; None starts afresh.
    epochs : int
        Most epochs to train.
    watch : callable
        Makes the callback that follows the training of a model.
    resume : bool, default=False
        Whether to go on from the checkpoint of this fit, if there is one.
    keep : callable or None, default=None
        Takes the model of the epochs that are done if training is interrupted.
    """
    plan = plan_fit(estimator, X, y, sample_weight, previous)
    fraction = plan.validation_fraction(estimator)
    anneals = previous is None and not fraction
    checkpoint, saved = open_checkpoint(estimator, X, y, sample_weight, previous, epochs, anneals, resume)
    if saved is not None:
        plan = plan._replace(blueprint=replace(plan.blueprint, seed=saved["seed"]))
    model = _build(estimator, plan, X, previous, anneals=anneals)
    start = len(model.net.history)
    data = prepare_data(
        plan.blueprint, X, plan.targets, plan.sample_weight,
        owner=estimator, device=model.device, validation_fraction=fraction, epoch=start,
    )  # fmt: skip
    if data.valid is not None:
        model.net.stopping = stopping_rule(estimator)
    if checkpoint is not None and saved is not None:
        epochs = checkpoint.resume(model.net, saved, epochs)
    model.net.scoring = scoring_view(estimator, model, X, plan.targets, data)
    last = LastEpoch()
    keepers = [keeper for keeper in (keep and last, checkpoint) if keeper is not None]
    try:
        model.net.train(*data, epochs, watchers=[("sklearn", watch(model))], keepers=keepers, start=start)
    except KeyboardInterrupt:
        if keep is not None and last.put_back(model.net):
            keep(model)
        raise
    return model


@own_modes()
def learn_batch(
    estimator: Any, X: Any, y: Any, sample_weight: Any, *, previous: Model | None, classes: Any
) -> Model:
    """Train for one epoch on all rows, going on from a previous model and its optimiser if there is one."""
    plan = plan_fit(estimator, X, y, sample_weight, previous, classes)
    model = _build(estimator, plan, X, previous, anneals=False, keep_optimizer=True)
    data = prepare_data(
        plan.blueprint, X, plan.targets, plan.sample_weight,
        owner=estimator, device=model.device, validation_fraction=0.0,
    )  # fmt: skip
    model.net.scoring = scoring_view(estimator, model, X, plan.targets, data, warns=False)
    model.net.train(*data, epochs=1)
    return model


def plan_fit(
    estimator: Any, X: Any, y: Any, sample_weight: Any, previous: Model | None = None, classes: Any = None
) -> Plan:
    """Fit the trunk's schema and the tasks, or take those of a previous model."""
    if previous is not None:
        targets, _ = align_targets(y, list(previous.blueprint.tasks))
        weights = check_sample_weight(sample_weight, list(targets), _num_samples(X))
        blueprint = goes_on(estimator, X, previous.blueprint)
        tasks = {name: task.with_labels_of(targets[name]) for name, task in blueprint.tasks.items()}
        return Plan(replace(blueprint, tasks=tasks), previous.container, targets, weights)
    targets, container = read_targets(y)
    weights = check_sample_weight(sample_weight, list(targets), _num_samples(X))
    task_weights = check_weights(estimator.task_weights, list(targets), "task_weights")
    trunk = clone(resolve_trunk(estimator.trunk, X)).fit(
        X,
        owner=estimator,
        categorical_features=estimator.categorical_features,
        sample_weight=common_weight(weights, task_weights),
    )
    known = _classes_by_task(classes, container, targets)
    positions = Positions.in_rows(X, trunk)
    tasks = fit_tasks(targets, estimator.tasks, estimator._kind, weights, known, positions)
    architecture = clone(resolve_architecture(estimator.architecture))
    architecture.check(trunk, tasks)
    blueprint = Blueprint(
        trunk=trunk,
        architecture=architecture,
        weighting=_checked_weighting(estimator.weighting),
        penalties=_checked_penalties(estimator.penalties),
        tasks=tasks,
        task_weights=task_weights,
        score_weights=check_weights(estimator.score_weights, list(targets), "score_weights"),
        seed=int(check_random_state(estimator.random_state).randint(np.iinfo(np.int32).max)),
        dtype=estimator.dtype,
        ensemble=estimator.ensemble,
        # those of a deep one are fits of their own, put together when they are done
        n_members=estimator.n_members if is_batch_ensemble(estimator) else 1,
        asked=asked_of(estimator),
    )
    if blueprint.is_batch_ensemble:
        check_shareable(blueprint, estimator.bootstrap)
    return Plan(blueprint, container, targets, weights)


def _checked_sampling(sampling: Any) -> TaskSampling:
    checked = clone(resolve_task_sampling(sampling))
    validate_spec(checked)
    return checked


def _checked_weighting(weighting: Any) -> Weighting:
    checked = clone(resolve_weighting(weighting))
    validate_spec(checked)
    return checked


def _checked_penalties(penalties: Any) -> tuple[Penalty, ...]:
    checked = tuple(clone(penalty) for penalty in resolve_penalties(penalties))
    for penalty in checked:
        validate_spec(penalty)
    return checked


def _build(
    estimator: Any, plan: Plan, X: Any, previous: Model | None, *, anneals: bool, keep_optimizer: bool = False
) -> Model:
    """Build the net, with its initial weights or with those of a previous model."""
    model = make_model(estimator, plan.blueprint, plan.container, _num_samples(X), anneals=anneals)
    if previous is not None:
        model.net.go_on_from(previous.net, with_optimizer=keep_optimizer)
    return model


def make_model(estimator: Any, blueprint: Blueprint, container: Container, n_rows: int, *, anneals: bool) -> Model:
    """Build network and net with initial weights, to be trained as the estimator says.

    ``anneals`` is whether ``learning_rate_schedule="auto"`` lets the learning rate fall: not where early stopping
    ends the training, nor in one of several trainings that go on from each other.
    """
    sampling = _checked_sampling(estimator.task_sampling)
    if blueprint.weighting.needs_gramian and not sampling.trains_all:
        raise ValueError(
            f"weighting={estimator.weighting!r} compares the gradients of several tasks, but "
            f"task_sampling={estimator.task_sampling!r} trains one task in a step."
        )
    net = make_net(
        blueprint.network(),
        blueprint.objective(),
        blueprint,
        optimizer=estimator.optimizer,
        lr=estimator.learning_rate,
        weight_decay=estimator.weight_decay,
        schedule=schedule_of(estimator, anneals),
        schedule_yields=estimator.learning_rate_schedule == "auto",
        clip_norm=estimator.clip_norm,
        monitor=estimator.monitor,
        mixed_precision=estimator.mixed_precision,
        sampling=sampling,
        batch_size=batch_size_of(estimator.batch_size, n_rows),
        device=resolve_device(estimator.device),
        callbacks=estimator.callbacks,
        max_epochs=estimator.max_epochs,
        net_params=estimator.net_params,
        verbose=estimator.verbose,
    )
    if blueprint.weighting.needs_gramian and len(blueprint.active) > 1 and not net.module_.shared_parameters():
        warn(
            f"weighting={estimator.weighting!r} balances the gradients of what the tasks share, but with "
            f"architecture={estimator.architecture!r} they share nothing: it changes nothing.",
            UserWarning,
        )
    return Model(blueprint, container, net)


def _of_their_kind(classes: Any, labels: np.ndarray) -> np.ndarray:
    """Give the classes that are texts if the labels of a task are, and numbers if they are numbers."""
    known = labels[~is_missing(labels)]
    if len(known) == 0:
        return np.asarray(classes)
    are_texts = isinstance(known.flat[0], str)
    return np.asarray([label for label in classes if isinstance(label, str) == are_texts])


def _classes_by_task(classes: Any, container: Container, targets: Targets) -> dict[str, np.ndarray] | None:
    """Read the classes that ``partial_fit`` gets, by task."""
    names = container.names
    if classes is None:
        return None
    if isinstance(classes, Mapping):
        named = {name_of(name, names): values for name, values in classes.items()}
        unknown = [name for name in named if name not in names]
        if unknown:
            raise ValueError(f"classes names unknown tasks {unknown}; the tasks are {list(names)}.")
        return {name: np.asarray(values) for name, values in named.items() if values is not None}
    if all(isinstance(label, str) or not hasattr(label, "__len__") for label in classes):
        # of one task, or those of all: learning_curve passes the different labels of a 2-D y
        return {name: _of_their_kind(classes, targets[name]) for name in names}
    if len(classes) != len(names):
        raise ValueError(f"classes has {len(classes)} entries for the {len(names)} tasks {list(names)}.")
    return {name: np.asarray(values) for name, values in zip(names, classes, strict=True) if values is not None}
