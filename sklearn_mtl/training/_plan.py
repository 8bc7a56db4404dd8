"""What is known of a fit before training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import _num_samples

from ..columns._missing import is_missing
from ..config import FitConfig
from ..data._hold_out import count_labels
from ..data._positions import Positions
from ..data._weights import check_sample_weight, check_score_weights, check_weights, common_weight
from ..model._blueprint import Blueprint, check_shareable
from ..model._label_inputs import check_readable
from ..targets import Container, Targets, align_targets, name_of, read_targets
from ..trunks import resolve_trunk
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ._auto import stops_early
from ._continuation import continued, unfitted_params
from ._many_classes import refuse_many_classes
from ._model import Model
from ._prepare import fit_tasks
from ._sparse_fit import refuse_dense_parts


class Plan(NamedTuple):
    """The blueprint, the container of predictions, and labels and weights by task."""

    blueprint: Blueprint
    container: Container
    targets: Targets
    sample_weight: dict[str, np.ndarray] | None

    def stops_early(self, config: FitConfig) -> bool:
        """Return whether early stopping holds out rows of the fit."""
        return stops_early(config, count_labels(self.targets, self.sample_weight, self.blueprint.watched))


def plan_fit(
    config: FitConfig,
    owner: BaseEstimator,
    X: RowsLike,
    y: TargetsLike,
    sample_weight: WeightsLike,
    previous: Model | None = None,
    classes: Any = None,
) -> Plan:
    """Fit the trunk's schema and the tasks, or take those of a previous model."""
    if previous is not None:
        return _plan_continuation(config, X, y, sample_weight, previous)
    targets, container = read_targets(y, config.tasks)
    refuse_dense_parts(config, targets)
    weights = check_sample_weight(sample_weight, list(targets), _num_samples(X))
    task_weights = check_weights(config.task_weights, list(targets), "task_weights")
    auxiliary = config.auxiliary.names_among(list(targets))
    score_weights = check_score_weights(config.score_weights, list(targets), auxiliary)
    trunk = clone(resolve_trunk(config.trunk, X)).fit(
        X,
        owner=owner,
        dtype=config.dtype,
        categorical_features=config.categorical_features,
        sample_weight=common_weight(weights, task_weights),
    )
    known = _classes_by_task(classes, container, targets)
    positions = Positions.in_rows(X, trunk)
    tasks = fit_tasks(targets, config.tasks, config.kind, weights, known, positions)
    config.architecture.check(trunk, tasks)
    refuse_many_classes(config, tasks)
    blueprint = Blueprint(
        trunk=trunk,
        architecture=config.architecture,
        weighting=config.weighting,
        penalties=config.penalties,
        tasks=tasks,
        task_weights=task_weights,
        score_weights=score_weights,
        seed=config.draw_seed(),
        dtype=config.dtype,
        ensemble="batch" if config.ensemble.shares_weights else "deep",
        n_members=config.n_members,
        asked=unfitted_params(config),
        auxiliary=auxiliary,
        label_inputs=config.label_inputs,
    )
    if not blueprint.watched:
        raise ValueError(
            f"task_weights: all tasks but the auxiliary {list(auxiliary)} have weight 0; at least one other "
            "must be above 0."
        )
    if blueprint.label_inputs:
        check_readable(blueprint)
    if blueprint.is_batch_ensemble:
        check_shareable(blueprint)
    return Plan(blueprint, container.without_tasks(auxiliary), targets, weights)


def _plan_continuation(
    config: FitConfig, X: RowsLike, y: TargetsLike, sample_weight: WeightsLike, previous: Model
) -> Plan:
    targets, _ = align_targets(y, list(previous.blueprint.tasks))
    refuse_dense_parts(config, targets)
    weights = check_sample_weight(sample_weight, list(targets), _num_samples(X))
    blueprint = continued(config, X, previous.blueprint)
    tasks = {name: task.with_labels_of(targets.labels_of(name)[0]) for name, task in blueprint.tasks.items()}
    return Plan(replace(blueprint, tasks=tasks), previous.container, targets, weights)


def _of_their_kind(classes: Any, labels: np.ndarray) -> np.ndarray:
    """Select the classes of the type of a task's labels: strings or numbers."""
    known = labels[~is_missing(labels)]
    if len(known) == 0:
        return np.asarray(classes)
    are_texts = isinstance(known.flat[0], str)
    return np.asarray([label for label in classes if isinstance(label, str) == are_texts])


def _classes_by_task(classes: Any, container: Container, targets: Targets) -> dict[str, np.ndarray] | None:
    """Return the ``classes`` of ``partial_fit`` by task."""
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
        # classes of one task, or of all: learning_curve passes the unique labels of a 2-D y
        return {name: _of_their_kind(classes, targets[name]) for name in names}
    if len(classes) != len(names):
        raise ValueError(f"classes has {len(classes)} entries, but there are {len(names)} tasks, {list(names)}.")
    return {name: np.asarray(values) for name, values in zip(names, classes, strict=True) if values is not None}
