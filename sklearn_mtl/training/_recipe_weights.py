"""Weights of the recipes of a portfolio, by task, from predictions of rows that were held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from ..columns._missing import has_label
from ..data._dataset import ValidationRows, lengths_of
from ..data._hold_out import count_labels
from ..model._predict import predict_outputs
from ..tasks import Task
from ..trunks import rows_of
from ..utils._types import RowsLike
from ._model import Model
from ._portfolio_model import Encodings
from ._prepare import encode_rows

CPU = torch.device("cpu")
# Maximum number of steps of the selection, and held-out labels for each step: few labels choose by chance.
MOST_STEPS = 60
LABELS_PER_STEP = 3

#: which members (M, n_rows) held out each row, or None for rows that no member was trained on
HeldBy = np.ndarray | None


def recipe_weights(
    models: Sequence[Model],
    X: RowsLike,
    targets: Mapping[str, np.ndarray],
    sample_weight: Mapping[str, np.ndarray] | None,
    owner: BaseEstimator,
    *,
    are_of_fit: bool = True,
) -> dict[str, np.ndarray]:
    """Weigh recipes for each task by the loss of their weighted mean on held-out rows.

    Parameters
    ----------
    models : sequence of Model
        R trained recipes of the same tasks.
    X : object
        Inputs, as passed to ``fit``.
    targets, sample_weight : mapping of str to ndarray
        Labels and weights of their rows.
    owner : BaseEstimator
        The estimator that checks of X name in messages.
    are_of_fit : bool, default=True
        Whether the rows are those of the fit, of which the members held out some; otherwise no member was trained
        on them.

    Returns
    -------
    dict of str to ndarray of shape (R,)
        Weights of sum 1. Auxiliary tasks, and those without a held-out label, have equal weights.
    """
    equal = {name: np.full(len(models), 1 / len(models)) for name in models[0].blueprint.tasks}
    held_by: list[HeldBy] = [None] * len(models)
    if are_of_fit:
        rows, held_by = _held_out(models, len(next(iter(targets.values()))))
        if not len(rows):
            return equal
        X = rows_of(X, rows)
        targets = {name: labels[rows] for name, labels in targets.items()}
        sample_weight = sample_weight and {name: weight[rows] for name, weight in sample_weight.items()}
    blueprint = replace(models[0].blueprint, focus=tuple(models[0].blueprint.watched))
    tasks = {name: blueprint.tasks[name] for name in blueprint.active}
    encodings = Encodings(X, owner)
    each = [
        _outputs_of(model, encodings.of(model), tasks, held) for model, held in zip(models, held_by, strict=True)
    ]
    outputs = {name: np.stack([of_recipe[name] for of_recipe in each]) for name in tasks}
    data = encode_rows(blueprint, X, targets, sample_weight, owner=owner, device=CPU)
    selection = Selection(blueprint.one_objective(), ValidationRows(data, targets, sample_weight), tasks, outputs)
    n_labels = {name: count_labels(targets, sample_weight, [name]).any_task for name in tasks}
    return equal | selection.weights(n_labels)


def _held_out(models: Sequence[Model], n_rows: int) -> tuple[np.ndarray, list[HeldBy]]:
    """Return the rows that every recipe has a member for that held them out, and these members."""
    masks = []
    for model in models:
        held = model.validation_rows
        by_member = held if isinstance(held, list) else [np.empty(0, int) if held is None else held]
        masks.append(np.stack([np.isin(np.arange(n_rows), rows) for rows in by_member]))
    rows = np.flatnonzero(reduce(np.logical_and, [mask.any(axis=0) for mask in masks]))
    return rows, [mask[:, rows] for mask in masks]


def _outputs_of(
    model: Model, inputs: Mapping[str, Any], tasks: Mapping[str, Task], held_by: HeldBy
) -> dict[str, np.ndarray]:
    """Compute the outputs (B, positions, K) of a recipe, averaged over the members that held out each row."""
    outputs = predict_outputs(model.network, inputs, tasks, model.device)
    if model.blueprint.n_members == 1:
        return {name: output.numpy() for name, output in outputs.items()}
    lengths = lengths_of(inputs)
    averaged = {}
    for name, task in tasks.items():
        held = held_by
        if held is not None and lengths is not None and task.labels_tokens:
            held = np.repeat(held, lengths.numpy(), axis=1)
        averaged[name] = _averaged_by_row(outputs[name].numpy(), held, task)
    return averaged


def _averaged_by_row(outputs: np.ndarray, held_by: HeldBy, task: Task) -> np.ndarray:
    """Average the outputs (M, B, ...) of the members that held out a row."""
    if held_by is None:
        return task.average(outputs)
    averaged = np.empty(outputs.shape[1:], outputs.dtype)
    patterns, pattern_of = np.unique(held_by, axis=1, return_inverse=True)
    for number, members in enumerate(patterns.T):
        rows = pattern_of.ravel() == number
        averaged[rows] = task.average(outputs[members][:, rows])
    return averaged


class Selection:
    """Greedy selection of recipes with replacement, for all tasks at once.

    Parameters
    ----------
    objective : Objective
        Computes the loss of each task.
    rows : ValidationRows
    tasks : mapping of str to Task
    outputs : mapping of str to ndarray of shape (R, B, positions, K)
        Outputs of each recipe for the rows.
    """

    def __init__(
        self, objective: Any, rows: ValidationRows, tasks: Mapping[str, Task], outputs: Mapping[str, np.ndarray]
    ) -> None:
        self.objective, self.rows, self.tasks, self.outputs = objective, rows, tasks, outputs
        self.everything = rows.data.everything()
        self.labelled = {name: self._labelled_rows(name) for name in tasks}
        self.names: list[str] = objective.names
        self.n_recipes = len(next(iter(outputs.values())))

    def weights(self, n_labels: Mapping[str, int]) -> dict[str, np.ndarray]:
        """Return the weights (R,) of each task; ``n_labels`` limits its steps."""
        counts = np.ones((len(self.names), self.n_recipes))
        steps = np.array([min(MOST_STEPS, n_labels[name] // LABELS_PER_STEP) for name in self.names])
        for step in range(max(steps, default=0)):
            losses = np.stack([self._losses(counts + one) for one in np.eye(self.n_recipes)], axis=1)
            going = np.flatnonzero((steps > step) & np.isfinite(losses).all(axis=1))
            counts[going, losses[going].argmin(axis=1)] += 1
        shares = counts / counts.sum(axis=1, keepdims=True)
        return dict(zip(self.names, shares, strict=True))

    def _losses(self, counts: np.ndarray) -> np.ndarray:
        """Compute the loss (T,) of the mean of recipes that are counted (T, R) times."""
        shares = counts / counts.sum(axis=1, keepdims=True)
        averaged = {
            name: torch.from_numpy(self._average(name, weights))
            for name, weights in zip(self.names, shares, strict=True)
        }
        with torch.inference_mode():
            outputs = self.rows.as_batch(averaged, self.tasks)
            losses, _ = self.objective(outputs, self.everything.targets, self.everything.weights)
        return losses.double().numpy()

    def _average(self, name: str, weights: np.ndarray) -> np.ndarray:
        """Average the outputs of a task for its labelled rows; those of other rows have no meaning."""
        outputs, rows = self.outputs[name], self.labelled[name]
        if rows is None:
            return self.tasks[name].average(outputs, weights)
        averaged = outputs[0].copy()
        averaged[rows] = self.tasks[name].average(outputs[:, rows], weights)
        return averaged

    def _labelled_rows(self, name: str) -> np.ndarray | None:
        """Return the positions of the rows with a label; None if all have one, or if tokens have labels."""
        if self.tasks[name].labels_tokens:
            return None
        labelled = has_label(self.rows.labels[name])
        return None if labelled.all() else np.flatnonzero(labelled)
