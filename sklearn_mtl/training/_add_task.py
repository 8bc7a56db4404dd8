"""Training of a task that is added to a fitted network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sklearn.base import clone
from sklearn.utils.validation import _num_samples

from ..data._hold_out import count_labels
from ..data._positions import Positions
from ..data._weights import check_sample_weight
from ..model._blueprint import Blueprint
from ..targets import read_targets
from ..utils._modes import own_modes
from ._auto import validation_fraction_of
from ._going_on import refuse_changes
from ._learn import make_model
from ._model import Model
from ._prepare import fit_tasks, prepare_data
from ._scoring_view import scoring_view
from ._stopping import stopping_rule


@own_modes()
def learn_further_task(
    estimator: Any, name: str, X: Any, y: Any, task: Any, sample_weight: Any, *, freeze: bool
) -> Model:
    """Build the network with a head for one more task, take over its weights, and train the new task.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator
        Fitted; how to train is read from its parameters.
    name : str
        Name of the new task.
    X, y, sample_weight : object
        Its rows, labels and weights.
    task : Task, str or None
        Its type; None infers it.
    freeze : bool
        Whether what is there already stays as it is.
    """
    previous: Model = estimator._model
    refuse_changes(estimator, X, previous.blueprint)
    known = list(previous.blueprint.tasks)
    if not isinstance(name, str) or name in known:
        raise ValueError(f"name={name!r} should be a text other than the names of the tasks {known}.")
    targets, _ = read_targets({name: y})
    weights = check_sample_weight(sample_weight, [name], _num_samples(X))
    given = None if task is None else {name: clone(task, safe=False)}
    positions = Positions.in_rows(X, previous.blueprint.trunk)
    fitted = fit_tasks(targets, given, estimator._kind, weights, positions=positions)[name]
    blueprint = _with_task(previous.blueprint, name, fitted)
    container = previous.container.with_task(name)
    fraction = validation_fraction_of(estimator, count_labels(targets, weights, [name]))
    model = make_model(
        estimator, replace(blueprint, focus=(name,)), container, _num_samples(X), anneals=not fraction
    )
    network = model.net.module_
    network.network.load_state_dict(previous.net.module_.state_dict())
    network.freeze(freeze)
    model.net.history.extend(previous.net.history)
    data = prepare_data(
        model.blueprint, X, targets, weights,
        owner=estimator, device=model.device, validation_fraction=fraction, epoch=len(model.net.history),
    )  # fmt: skip
    if data.valid is not None:
        model.net.stopping = stopping_rule(estimator)
    model.net.scoring = scoring_view(estimator, model, X, targets, data)
    # a new head starts with the first rates of the schedulers of callbacks
    model.net.train(*data, estimator.max_epochs, origin=len(model.net.history))
    network.freeze(False)
    # built anew: optimiser and objective were those of the new task alone
    weights_now = {key: tensor.detach().clone() for key, tensor in network.state_dict().items()}
    return Model.from_weights(blueprint, container, weights_now, model.net.history, model.device)


def _with_task(blueprint: Blueprint, name: str, task: Any) -> Blueprint:
    return replace(
        blueprint,
        tasks={**blueprint.tasks, name: task},
        task_weights={**blueprint.task_weights, name: 1.0},
        score_weights={**blueprint.score_weights, name: 1.0},
        added=(*blueprint.added, name),
    )
