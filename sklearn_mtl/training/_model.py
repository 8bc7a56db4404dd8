"""A trained model: what it was built from, its network, and the state that it can be rebuilt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import nn

from ..architectures import Network
from ..columns._arrays import as_tensor
from ..columns._labels import objects_of
from ..data._dataset import lengths_of
from ..data._sparse_labels import labelled_pairs, labels_by_task
from ..model._blueprint import Blueprint
from ..model._label_inputs import known_labels
from ..model._predict import (
    average_members,
    by_row,
    predict_gates,
    predict_outputs,
    predict_pairs,
    predict_representation,
)
from ..model._state import check_arrays
from ..targets import Container, SparseTargets
from ..tasks import group_tasks
from ..utils._modes import own_modes
from ..utils._types import RowsLike, TargetsLike
from ._make_net import make_net
from ._net import MultiTaskNet

#: positions of the rows held out: of one network, or by member; None for none
ValidationPositions = np.ndarray | list[np.ndarray] | None
#: which other tasks a task shares layers with: all, some, none
KINDS = ("shared", "grouped", "separate")


class Classes(dict[str, np.ndarray]):
    """Classes by task; scikit-learn's scorers accept them like the list of classes for a 2-D y."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        arrays = list(self.values())
        alike = len({(len(array), array.dtype.kind) for array in arrays}) == 1
        return np.stack(arrays) if alike else objects_of(arrays)


class Model:
    """A blueprint, the container of its targets, and the trained network.

    The skorch net is built on first access: predictions and scores need only the network.

    Parameters
    ----------
    blueprint : Blueprint
    container : Container
        The container that predictions are returned in: that of y without auxiliary tasks.
    net : MultiTaskNet
        The net that trains, or has trained, the network.

    Attributes
    ----------
    validation_rows : ndarray of int, list of ndarray of int, or None
        Positions of the rows held out, of one network or by member; None if there are none.
    """

    validation_rows: ValidationPositions = None

    def __init__(self, blueprint: Blueprint, container: Container, net: MultiTaskNet) -> None:
        self.blueprint, self.container = blueprint, container
        self.network: Network = net.module_
        self.device = torch.device(net.device)
        self._net: MultiTaskNet | None = net
        self._history: Sequence[Mapping[str, Any]] = ()
        self._weighting: Mapping[str, np.ndarray] | None = None

    @classmethod
    def of_network(
        cls,
        blueprint: Blueprint,
        container: Container,
        network: Network,
        history: Sequence[Mapping[str, Any]],
        device: torch.device,
        weighting: Mapping[str, np.ndarray] | None = None,
        validation_rows: ValidationPositions = None,
    ) -> Model:
        """Build a model from a trained network.

        Parameters
        ----------
        blueprint, container
            See `Model`.
        network : Network
        history : sequence of mapping
            See `history`.
        device : torch.device
        weighting : mapping of str to ndarray or None, default=None
            State of the weighting; None if it has not learned anything.
        validation_rows
            See `Model`.
        """
        model = object.__new__(cls)
        model.validation_rows = validation_rows
        model.blueprint, model.container, model.device = blueprint, container, device
        model.network = network.to(device).eval()
        model._net, model._history, model._weighting = None, history, weighting
        return model

    @property
    def net(self) -> MultiTaskNet:
        """The skorch net."""
        if self._net is None:
            with own_modes():
                net = make_net(
                    self.network,
                    self.blueprint.objective(),
                    self.blueprint,
                    hyperparameters={},
                    device=self.device,
                )
                net.take_history(self._history)
                net._set_training(False)
                if self._weighting is not None:
                    net.criterion_.weighting.load_state_dict(_tensors_of(self._weighting))
            self._net = net
        return self._net

    @property
    def n_members(self) -> int:
        """Number of networks."""
        return self.blueprint.n_members

    @property
    def n_features_out(self) -> int:
        """Width of the representation, of all networks."""
        return self.n_members * self.network.representation_width

    @property
    def shares(self) -> dict[str, dict[str, float]]:
        """By task, the weights of networks that are shared by all tasks, by a group, or separate."""
        return {
            name: {kind: float(kind == self._kind_of(name)) for kind in KINDS}
            for name in self.blueprint.main_tasks
        }

    def _kind_of(self, task: str) -> str:
        """Return whether a task shares its layers with all tasks, with a group, or with none."""
        if not self.shares_layers:
            return "separate"
        trained = self.blueprint.trained
        groups = self.blueprint.architecture.groups_among(trained)
        own = next((group for group in groups if task in group), trained)  # others read the layers of all
        return "shared" if len(own) == len(trained) else "grouped" if len(own) > 1 else "separate"

    @property
    def shares_layers(self) -> bool:
        """Whether several tasks share layers."""
        return bool(self.network.shared_parameters())

    def member_weights(self, task: str) -> np.ndarray:
        """Return the weight (M,) of each network in the predictions of a task."""
        return np.full(self.n_members, 1 / self.n_members)

    @own_modes()
    def outputs(
        self, X: RowsLike, tasks: Sequence[str], owner: BaseEstimator, given: TargetsLike = None
    ) -> dict[str, Any]:
        """Check and encode X and known labels, and compute outputs of some tasks, averaged over an ensemble.

        They are arrays (B, positions, K), or `RaggedRows` for the tokens of sequences.
        """
        inputs = self.blueprint.trunk.encode(X, owner=owner)
        return self.outputs_of({**inputs, **known_labels(self.blueprint, given, n_rows_of(inputs))}, tasks)

    def best_outputs(
        self, X: RowsLike, tasks: Sequence[str], owner: BaseEstimator, given: TargetsLike = None
    ) -> dict[str, Any]:
        """Compute `outputs`, of which tasks of very many classes have only the most probable one."""
        if not any(self.blueprint.tasks[name].has_many_classes for name in tasks):
            return self.outputs(X, tasks, owner, given)
        with own_modes():
            inputs = self.blueprint.trunk.encode(X, owner=owner)
            return self.outputs_of(inputs, tasks, only_best=True)

    def outputs_of(
        self,
        inputs: Mapping[str, Any],
        tasks: Sequence[str],
        rows: torch.Tensor | None = None,
        only_best: bool = False,
    ) -> dict[str, Any]:
        """Compute the outputs of encoded inputs, of all rows or of some; see `outputs` and `best_outputs`."""
        chosen = {name: self.blueprint.tasks[name] for name in tasks}
        outputs = predict_outputs(self.network, inputs, chosen, self.device, rows, only_best)
        if self.blueprint.n_members > 1:
            outputs = average_members(outputs, chosen)
        lengths = lengths_of(inputs)
        if lengths is not None and rows is not None:
            lengths = lengths[rows]
        return {name: by_row(outputs[name], chosen[name], lengths) for name in tasks}

    @own_modes()
    def outputs_of_labels(
        self, X: RowsLike, targets: SparseTargets, owner: BaseEstimator
    ) -> dict[str, np.ndarray]:
        """Check and encode X, and compute `outputs` (n_labelled, K) of the labelled rows of each task only."""
        chosen = {name: self.blueprint.tasks[name] for name in targets}
        inputs = self.blueprint.trunk.encode(X, owner=owner)
        by_column = [group.names for group in group_tasks(chosen) if group.by_column]
        pairs = [labelled_pairs(targets, names) for names in by_column]
        asked = [(names, own.chunk) for names, own in zip(by_column, pairs, strict=True)]
        found = predict_pairs(self.network, inputs, asked, self.device) if asked else []
        outputs: dict[str, torch.Tensor] = {}
        for names, own, of_pairs in zip(by_column, pairs, found, strict=True):
            outputs |= own.by_task(names, of_pairs)
        if self.blueprint.n_members > 1:
            outputs = average_members(outputs, chosen)
        others = [name for name in chosen if name not in outputs]
        dense = self.outputs_of(inputs, others) if others else {}
        rows = labels_by_task(targets, others)
        return {name: output.numpy() for name, output in outputs.items()} | {n: dense[n][rows[n]] for n in others}

    @own_modes()
    def member_outputs(
        self, X: RowsLike, tasks: Sequence[str], owner: BaseEstimator, given: TargetsLike = None
    ) -> dict[str, np.ndarray]:
        """Check and encode X and known labels; compute the outputs (M, B, K) of M >= 1 members for some tasks."""
        inputs = self.blueprint.trunk.encode(X, owner=owner)
        inputs = {**inputs, **known_labels(self.blueprint, given, n_rows_of(inputs))}
        chosen = {name: self.blueprint.tasks[name] for name in tasks}
        outputs = predict_outputs(self.network, inputs, chosen, self.device)
        each = {name: outputs[name].numpy() for name in tasks}
        return each if self.n_members > 1 else {name: output[None] for name, output in each.items()}

    @own_modes()
    def representation(self, X: RowsLike, owner: BaseEstimator) -> np.ndarray:
        """Check and encode X, and compute the shared representation."""
        inputs = self.blueprint.trunk.encode(X, owner=owner)
        representation = predict_representation(self.network, inputs, self.device).numpy()
        return representation if representation.ndim == 2 else np.hstack(list(representation))

    @own_modes()
    def gate_weights(
        self, X: RowsLike, tasks: Sequence[str], owner: BaseEstimator
    ) -> tuple[np.ndarray, list[tuple]]:
        """Check and encode X, and compute the gates (..., n, n_weights) of some tasks.

        The columns are returned as (task, level, expert). For an ensemble the first axis is that of the members.
        """
        inputs = self.blueprint.trunk.encode(X, owner=owner)
        gates = predict_gates(self.network, inputs, tasks, self.device)
        by_task = {name: gates[name] for name in tasks if name in gates}
        columns = [(task, *name) for task in by_task for name in self.network.gate_names(task)]
        return np.concatenate([weights.numpy() for weights in by_task.values()], axis=-1), columns

    def attributes(self, *, one_column_is_plain: bool = False) -> dict[str, Any]:
        """Return the fitted attributes of an estimator; see `Container.arrange` for the parameter."""
        blueprint = self.blueprint
        public = {
            "tasks_": blueprint.main_tasks,
            "task_names_": list(blueprint.main_tasks),
            "n_iter_": max((epoch["epoch"] for epoch in self.history), default=0),
            "device_": self.device,
            "validation_rows_": self.validation_rows,
            "_model": self,
            **({} if len(blueprint.members) == 1 else {"member_seeds_": np.array(blueprint.member_seeds)}),
            "_n_features_out": self.n_features_out,
        }
        classes = self._classes(one_column_is_plain)
        return public if classes is None else {**public, "classes_": classes}

    def _classes(self, one_column_is_plain: bool) -> np.ndarray | list[np.ndarray | None] | Classes | None:
        """Return the classes as scikit-learn does: an array for 1-D y, a list for 2-D y, otherwise a dict."""
        by_task = {name: getattr(task, "classes_", None) for name, task in self.blueprint.main_tasks.items()}
        if all(classes is None for classes in by_task.values()):
            return None
        return self.container.arrange(by_task, _known_classes, one_column_is_plain=one_column_is_plain)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The losses and scores of each epoch; of an ensemble of separate networks, of each member and epoch."""
        if self._net is None:
            return [dict(epoch) for epoch in self._history]
        if not self.net.member_history:
            return [{k: v for k, v in epoch.items() if k != "batches"} for epoch in self.net.history]
        return [
            {"epoch": entry["epoch"], "member": number, **entry}
            for number, entries in enumerate(self.net.member_history)
            for entry in entries
        ]

    @own_modes()
    def state(self) -> dict[str, Any]:
        """Return the state from which `from_state` rebuilds the model, without modules and device."""
        return {
            "blueprint": self.blueprint,
            "container": self.container,
            "weights": _arrays_of(self.network),
            "weighting": self._weighting if self._net is None and self._weighting else _arrays_of(self._learned),
            "history": self.history,
            "validation_rows": self.validation_rows,
        }

    @classmethod
    @own_modes()
    def from_state(cls, state: Mapping[str, Any], device: torch.device) -> Model:
        """Rebuild a model on a device of this machine.

        Raises
        ------
        ValueError
            If the weights do not match the network that the blueprint builds.
        """
        blueprint: Blueprint = state["blueprint"]
        network = blueprint.network()
        check_arrays(state["weights"], network.state_dict(), "weights")
        network.load_state_dict(_tensors_of(state["weights"]))
        weighting = dict(state["weighting"])
        check_arrays(weighting, blueprint.objective().weighting.state_dict(), "weighting")
        return cls.of_network(
            blueprint, state["container"], network, state["history"], device, weighting,
            state.get("validation_rows"),  # missing in models of older versions
        )  # fmt: skip

    @property
    def _learned(self) -> nn.Module:
        """The weighting with its state."""
        objective = self.blueprint.objective() if self._net is None else self._net.criterion_
        weighting: nn.Module = objective.weighting
        return weighting

    @classmethod
    @own_modes()
    def from_weights(
        cls,
        blueprint: Blueprint,
        container: Container,
        weights: Mapping[str, torch.Tensor],
        history: Sequence[Mapping[str, Any]],
        device: torch.device,
        validation_rows: ValidationPositions = None,
    ) -> Model:
        """Build a model from its weights and history."""
        network = blueprint.network()
        network.load_state_dict(weights)
        return cls.of_network(blueprint, container, network, history, device, validation_rows=validation_rows)


def n_rows_of(inputs: Mapping[str, Any]) -> int:
    """Return the number of rows of encoded inputs."""
    return len(next(iter(inputs.values())))


def _known_classes(by_task: Mapping[str, np.ndarray | None]) -> Classes:
    """Leave out the tasks that have no classes."""
    return Classes({name: classes for name, classes in by_task.items() if classes is not None})


def _arrays_of(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in module.state_dict().items()}


def _tensors_of(arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: as_tensor(array) for name, array in arrays.items()}
