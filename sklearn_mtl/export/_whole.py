"""A fitted model as one torch module, from the tensors of the graph to the answers of the tasks."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..architectures import Network
from ..training import Model, PortfolioModel
from ._answers import Answering, answering_of
from ._memories import OperatorMemory, ScannedMemory, replace_memories
from ._reader import Reader
from ._readers import reader_of, require_one_schema


class _Part(nn.Module):
    """A network, or an ensemble of networks that are computed together, with the reader of its inputs."""

    def __init__(self, model: Model, memory: type[OperatorMemory] | type[ScannedMemory]) -> None:
        super().__init__()
        self.reader: Reader = reader_of(model.blueprint.trunk)
        # a copy, which tracing may change
        self.network: Network = copy.deepcopy(model.network).cpu().eval().requires_grad_(False)
        replace_memories(self.network, memory)
        self.n_members = model.n_members

    def forward(
        self, given: dict[str, Tensor], answering: Sequence[Answering]
    ) -> tuple[dict[str, Tensor], Tensor | None]:
        """Return the outputs (B, positions, K) of some tasks, and the lengths of the rows, if they have any."""
        inputs = self.reader(given)
        lengths = inputs.get("lengths")
        outputs = self.network(inputs, [task.name for task in answering])
        if self.n_members == 1:
            return dict(outputs), lengths
        equal = torch.full((self.n_members,), 1 / self.n_members, dtype=torch.float64)
        return {task.name: task.average(outputs[task.name], equal) for task in answering}, lengths


class WholeModel(nn.Module):
    """Reading, networks, averages over networks and recipes, and decoding of a fitted model.

    Parameters
    ----------
    model : Model
    tasks : sequence of str
        Tasks to answer for.
    memory : type, default=OperatorMemory
        In what form recurrent layers are traced.

    Attributes
    ----------
    examples : dict of str to Tensor
        Inputs of a few rows, in the order of the arguments of ``forward``.
    axes : dict of str to dict of int to str
        Names of the axes of any size, other than rows, by input and position.
    answering : list of Answering
        The modules of the tasks; ``forward`` returns their answers one after the other.
    """

    def __init__(
        self,
        model: Model,
        tasks: Sequence[str],
        memory: type[OperatorMemory] | type[ScannedMemory] = OperatorMemory,
    ) -> None:
        super().__init__()
        models = model.parts if isinstance(model, PortfolioModel) else [model]
        parts = [_Part(each, memory) for each in models]
        self.reader = parts[0].reader
        require_one_schema([part.reader for part in parts])
        self.parts = nn.ModuleList(parts)
        self.answering = [answering_of(name, model.blueprint.tasks[name]) for name in tasks]
        self.decoders = nn.ModuleList(self.answering)
        self.weights = (
            {name: torch.from_numpy(model.weights[name]).double() for name in tasks}
            if isinstance(model, PortfolioModel)
            else None
        )
        self.examples, self.axes = self.reader.examples(), self.reader.axes()

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(self.examples, tensors, strict=True))
        by_part = [part(given, self.answering) for part in self.parts]
        lengths = by_part[0][1]
        answers: list[Tensor] = []
        for task in self.answering:
            outputs = [of_part[task.name] for of_part, _ in by_part]
            output = outputs[0] if self.weights is None else self._averaged(task, outputs)
            answers += task(output, lengths)
        return tuple(answers)

    def _averaged(self, task: Answering, outputs: Sequence[Tensor]) -> Tensor:
        assert self.weights is not None
        return task.average(torch.stack(list(outputs)), self.weights[task.name])
