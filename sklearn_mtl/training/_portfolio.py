"""Training of a portfolio: each recipe in turn, on the same rows, and their weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import _num_samples

from ..config import FitConfig
from ..data._weights import check_sample_weight
from ..targets import align_targets
from ..tasks import Task
from ..utils._modes import own_modes
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ..utils._warn import each_once, warn
from ._caller import Caller
from ._finish import finished_tasks, learners
from ._learn import learn, learn_added_task, learn_batch
from ._model import Model
from ._portfolio_model import PortfolioModel
from ._prepare import encode_rows
from ._recipe_weights import recipe_weights
from ._validation import ValidationData

CPU = torch.device("cpu")
#: trains a recipe from its config, its caller and the model that continues, if any
Train = Callable[[FitConfig, Caller, Model | None], Model]


def learn_portfolio(
    configs: Mapping[str, FitConfig],
    caller: Caller,
    X: RowsLike,
    y: TargetsLike,
    sample_weight: WeightsLike,
    *,
    weighted: bool,
    given: ValidationData,
    previous: Model | None,
    resume: bool = False,
) -> PortfolioModel:
    """Train each recipe with the same seed, and weigh the recipes by the rows that members held out.

    Parameters
    ----------
    configs : mapping of str to FitConfig
        Parameters of each recipe.
    caller, X, y, sample_weight, given, previous, resume
        As in `learn`.
    weighted : bool
        Whether to weigh the recipes for each task; otherwise their weights are equal.
    """
    first = next(iter(configs.values()))
    if first.checkpoint is not None and first.random_state is None:
        warn(
            "checkpoint has no effect on a later fit of a portfolio with random_state=None, because each draws "
            "another seed; set random_state to an int.",
        )
    given = given._replace(to_weigh_recipes=weighted and len(configs) > 1)

    def train(config: FitConfig, caller: Caller, previous: Model | None) -> Model:
        return learn(config, caller, X, y, sample_weight, given=given, previous=previous, resume=resume)

    models: dict[str, Model] = {}
    try:
        _train_each(configs, caller, previous, train, models)
        if not given.to_weigh_recipes:
            return _finished(_equally_weighted(models), caller, X, y, sample_weight)
        model = PortfolioModel(models, _weights(models, caller, X, y, sample_weight, given))
        return _finished(model, caller, X, y, sample_weight)
    except KeyboardInterrupt:
        if caller.keep is not None and models:
            caller.keep(_equally_weighted(models))
        raise


@own_modes()
def _weights(
    models: Mapping[str, Model],
    caller: Caller,
    X: RowsLike,
    y: TargetsLike,
    sample_weight: WeightsLike,
    given: ValidationData,
) -> dict[str, np.ndarray]:
    are_of_fit = given.X is None
    if not are_of_fit:
        X, y, sample_weight = given.X, given.y, given.sample_weight
    targets, _ = align_targets(y, list(next(iter(models.values())).blueprint.tasks))
    weights = check_sample_weight(sample_weight, list(targets), _num_samples(X))
    return recipe_weights(list(models.values()), X, targets, weights, caller.owner, are_of_fit=are_of_fit)


@own_modes()
def _finished(
    model: PortfolioModel,
    caller: Caller,
    X: RowsLike,
    y: TargetsLike,
    sample_weight: WeightsLike,
    focus: tuple[str, ...] | None = None,
) -> PortfolioModel:
    """Let the tasks learn from the mean outputs of the recipes; each recipe has let them learn from its own."""
    trained = replace(model.blueprint, focus=model.blueprint.focus if focus is None else focus)
    names = learners(trained)
    if not names:
        return model
    targets, _ = align_targets(y, list(trained.tasks) if focus is None else focus)
    weights = check_sample_weight(sample_weight, list(targets), _num_samples(X))
    data = encode_rows(trained, X, targets, weights, owner=caller.owner, device=CPU)
    learned = finished_tasks(trained, model.outputs(X, names, caller.owner), data)
    for part in model.parts:
        part.blueprint = replace(part.blueprint, tasks={**part.blueprint.tasks, **learned})
    return PortfolioModel(model.recipes, model.weights)


def learn_portfolio_batch(
    configs: Mapping[str, FitConfig],
    caller: Caller,
    X: RowsLike,
    y: TargetsLike,
    sample_weight: WeightsLike,
    *,
    previous: Model | None,
    classes: Any,
) -> PortfolioModel:
    """Train each recipe for one epoch on all rows, see `learn_batch`; weights of recipes do not change."""

    def train(config: FitConfig, caller: Caller, previous: Model | None) -> Model:
        return learn_batch(config, caller, X, y, sample_weight, previous=previous, classes=classes)

    models = _train_each(configs, caller, previous, train, {})
    model = _equally_weighted(models)
    if isinstance(previous, PortfolioModel):
        model = PortfolioModel(models, previous.weights)
    return _finished(model, caller, X, y, sample_weight)


def learn_portfolio_task(
    configs: Mapping[str, FitConfig],
    caller: Caller,
    previous: PortfolioModel,
    name: str,
    X: RowsLike,
    y: TargetsLike,
    task: Task | str | None,
    sample_weight: WeightsLike,
    groups: Any,
    *,
    freeze: bool,
) -> PortfolioModel:
    """Add a task to each recipe, see `learn_added_task`; the recipes have equal weights in it."""

    def train(config: FitConfig, caller: Caller, previous: Model | None) -> Model:
        assert previous is not None
        return learn_added_task(config, caller, previous, name, X, y, task, sample_weight, groups, freeze=freeze)

    models = _train_each(configs, caller, previous, train, {})
    model = PortfolioModel(models, _equally_weighted(models).weights | previous.weights)
    return _finished(model, caller, X, {name: y}, sample_weight, (name,))


def _train_each(
    configs: Mapping[str, FitConfig],
    caller: Caller,
    previous: Model | None,
    train: Train,
    models: dict[str, Model],
) -> dict[str, Model]:
    """Train all recipes with one seed, and add their models; an interrupted one is added with its last epoch."""
    if previous is not None and not (
        isinstance(previous, PortfolioModel) and list(previous.recipes) == list(configs)
    ):
        raise ValueError(
            f"the fitted model, whose training continues, does not have the recipes {list(configs)}; "
            "other recipes require a new fit (warm_start=False)."
        )
    seed = next(iter(configs.values())).draw_seed()
    with each_once():
        for name, config in configs.items():
            before = previous.recipes[name] if isinstance(previous, PortfolioModel) else None
            watched = caller._replace(keep=partial(models.__setitem__, name))
            models[name] = train(replace(config, random_state=seed), watched, before)
    return models


def _equally_weighted(models: Mapping[str, Model]) -> PortfolioModel:
    tasks = next(iter(models.values())).blueprint.tasks
    return PortfolioModel(models, {name: np.full(len(models), 1 / len(models)) for name in tasks})
