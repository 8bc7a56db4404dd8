"""The trained model of a portfolio: the models of its recipes, and their weights by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from ..data._dataset import lengths_of
from ..data._sparse_labels import labels_by_task
from ..model._label_inputs import known_labels
from ..model._predict import average_members, by_row, predict_outputs
from ..targets import SparseTargets
from ..utils._modes import own_modes
from ..utils._types import RowsLike, TargetsLike
from ._model import KINDS, Model, ValidationPositions, n_rows_of
from ._net import MultiTaskNet


class Encodings:
    """Encoded rows, shared by models whose trunks encode alike.

    Parameters
    ----------
    X : object
        Inputs.
    owner : BaseEstimator
        The estimator that checks of X name in messages.
    given : object or None, default=None
        Known labels by task.
    """

    def __init__(self, X: RowsLike, owner: BaseEstimator, given: TargetsLike = None) -> None:
        self.X, self.owner, self.given = X, owner, given
        self._known: list[tuple[Any, Mapping[str, Any]]] = []

    def of(self, model: Model) -> Mapping[str, Any]:
        """Return the inputs of a model."""
        trunk = model.blueprint.trunk
        for known, inputs in self._known:
            if known.encodes_like(trunk):
                return inputs
        inputs = trunk.encode(self.X, owner=self.owner)
        # the recipes have fitted their tasks alike, so they encode labels alike
        inputs = {**inputs, **known_labels(model.blueprint, self.given, n_rows_of(inputs))}
        self._known.append((trunk, inputs))
        return inputs


class PortfolioModel(Model):
    """The models of several recipes, whose outputs are averaged with weights by task.

    Blueprint, container and device are those of the first recipe; its tasks are those of all.

    Parameters
    ----------
    recipes : mapping of str to Model
        R models, by the name of their recipe.
    weights : mapping of str to ndarray of shape (R,)
        Weights of the recipes, of sum 1, by task.
    """

    def __init__(self, recipes: Mapping[str, Model], weights: Mapping[str, np.ndarray]) -> None:
        self.recipes, self.weights = dict(recipes), dict(weights)
        first = self.parts[0]
        self.blueprint, self.container, self.device, self.network = (
            first.blueprint, first.container, first.device, first.network,
        )  # fmt: skip

    @property
    def parts(self) -> list[Model]:
        """The models of the recipes."""
        return list(self.recipes.values())

    @property
    def net(self) -> MultiTaskNet:
        """The skorch net of the first recipe."""
        return self.parts[0].net

    @property
    def n_members(self) -> int:
        """Number of networks of all recipes."""
        return sum(part.n_members for part in self.parts)

    @property
    def shares_layers(self) -> bool:
        """Whether several tasks share layers in some recipe."""
        return any(part.shares_layers for part in self.parts)

    @property
    def validation_rows(self) -> ValidationPositions:  # type: ignore[override]
        """Positions of the rows held out, by member of the first recipe, and so on; None if there are none."""
        held: list[np.ndarray] = []
        for part in self.parts:
            rows = part.validation_rows
            held += rows if isinstance(rows, list) else [] if rows is None else [rows]
        return held or None

    @own_modes()
    def outputs(
        self, X: RowsLike, tasks: Sequence[str], owner: BaseEstimator, given: TargetsLike = None
    ) -> dict[str, Any]:
        encodings = Encodings(X, owner, given)
        chosen = {name: self.blueprint.tasks[name] for name in tasks}
        by_recipe, lengths = [], None
        for part in self.parts:
            inputs = encodings.of(part)
            outputs = predict_outputs(part.network, inputs, chosen, part.device)
            by_recipe.append(average_members(outputs, chosen) if part.n_members > 1 else outputs)
            lengths = lengths_of(inputs)
        averaged = {}
        for name, task in chosen.items():
            together = np.stack([outputs[name].numpy() for outputs in by_recipe])
            averaged[name] = torch.from_numpy(task.average(together, self.weights[name]))
        return {name: by_row(averaged[name], task, lengths) for name, task in chosen.items()}

    def outputs_of_labels(
        self, X: RowsLike, targets: SparseTargets, owner: BaseEstimator
    ) -> dict[str, np.ndarray]:
        outputs, rows = self.outputs(X, list(targets), owner), labels_by_task(targets, list(targets))
        return {name: output[rows[name]] for name, output in outputs.items()}

    @own_modes()
    def member_outputs(
        self, X: RowsLike, tasks: Sequence[str], owner: BaseEstimator, given: TargetsLike = None
    ) -> dict[str, np.ndarray]:
        encodings = Encodings(X, owner, given)
        chosen = {name: self.blueprint.tasks[name] for name in tasks}
        each: dict[str, list[np.ndarray]] = {name: [] for name in tasks}
        for part in self.parts:
            outputs = predict_outputs(part.network, encodings.of(part), chosen, part.device)
            for name, output in outputs.items():
                each[name].append(output.numpy() if part.n_members > 1 else output.numpy()[None])
        return {name: np.concatenate(outputs) for name, outputs in each.items()}

    def member_weights(self, task: str) -> np.ndarray:
        sizes = [part.n_members for part in self.parts]
        return np.repeat(self.weights[task] / sizes, sizes)

    @own_modes()
    def representation(self, X: RowsLike, owner: BaseEstimator) -> np.ndarray:
        return np.hstack([part.representation(X, owner) for part in self.parts])

    def gate_weights(
        self, X: RowsLike, tasks: Sequence[str], owner: BaseEstimator
    ) -> tuple[np.ndarray, list[tuple]]:
        raise ValueError(
            "gate_weights shows the experts of one architecture, and the recipes of a portfolio may have several; "
            "name an architecture, and no portfolio as the ensemble."
        )

    @property
    def shares(self) -> dict[str, dict[str, float]]:
        by_recipe = [part.shares for part in self.parts]
        return {
            name: {
                kind: float(self.weights[name] @ [shares[name][kind] for shares in by_recipe]) for kind in KINDS
            }
            for name in self.blueprint.main_tasks
        }

    def attributes(self, *, one_column_is_plain: bool = False) -> dict[str, Any]:
        public = super().attributes(one_column_is_plain=one_column_is_plain)
        public.pop("member_seeds_", None)
        names = list(self.recipes)
        rows = {task: self.weights[task] for task in self.blueprint.main_tasks}
        weights = {task: dict(zip(names, map(float, row), strict=True)) for task, row in rows.items()}
        return {
            **public,
            "recipe_weights_": weights,
            "shared_weights_": {name: of["shared"] + of["grouped"] for name, of in self.shares.items()},
            "_n_features_out": sum(part.n_features_out for part in self.parts),
        }

    @property
    def history(self) -> list[dict[str, Any]]:
        """The losses and scores of each recipe, member and epoch."""
        return [
            {"epoch": entry["epoch"], "recipe": name, "member": 0, **entry}
            for name, part in self.recipes.items()
            for entry in part.history
        ]

    @own_modes()
    def state(self) -> dict[str, Any]:
        return {"recipes": {name: part.state() for name, part in self.recipes.items()}, "by_task": self.weights}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], device: torch.device) -> PortfolioModel:
        parts = {name: Model.from_state(part, device) for name, part in state["recipes"].items()}
        return cls(parts, state["by_task"])


def restored(state: Mapping[str, Any], device: torch.device) -> Model:
    """Rebuild the model of a state, of one recipe or of several."""
    kind = PortfolioModel if "recipes" in state else Model
    return kind.from_state(state, device)
