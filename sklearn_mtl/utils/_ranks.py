"""The processes of `torch.distributed` that train one network together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from ..exceptions import ParallelError

T = TypeVar("T")

# A device of all processes of a group: of each the CPU, or a GPU of its own.
OF_ALL = {"cpu:*": "cpu", "cuda:*": "cuda"}
# Sums of parameters may differ by this factor between GPUs of different kinds.
TOLERANCE = 1e-3


def is_of_all(device: Any) -> bool:
    """Return whether a device is that of all processes of a group."""
    return isinstance(device, str) and device in OF_ALL


def own_device(device: Any) -> Any:
    """Return the part of this process in a device of all processes; other devices are returned as they are.

    On a host with several GPUs it is the one whose number the launcher has set in ``LOCAL_RANK``.
    """
    if not is_of_all(device):
        return device
    if OF_ALL[device] == "cpu" or not torch.cuda.is_available():
        return OF_ALL[device]
    is_joined = distributed.is_available() and distributed.is_initialized()
    rank = distributed.get_rank() if is_joined else 0
    return f"cuda:{int(os.environ.get('LOCAL_RANK', rank)) % torch.cuda.device_count()}"


class Ranks:
    """A process among those of the initialised group, and what they do together.

    Every method is called by all processes, in the same order. An error of the group, for instance because a
    process has died, is a `ParallelError` in the others.

    Parameters
    ----------
    device : torch.device
        Device of the tensors of this process.

    Attributes
    ----------
    rank, count : int
        Number of this process from 0, and the number of processes.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.rank, self.count = distributed.get_rank(), distributed.get_world_size()

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Sum tensors of one shape over all processes, in place."""
        with self._together():
            distributed.all_reduce(values)
        return values

    def any(self, flags: Sequence[bool]) -> list[bool]:
        """Return for each flag whether it is set in some process."""
        counts = torch.tensor([float(flag) for flag in flags], device=self.device)
        return (self.sum(counts) > 0).tolist()

    def of_first(self, value: T) -> T:
        """Return the value of the first process, which can be pickled."""
        box = [value if self.is_first else None]
        with self._together():
            distributed.broadcast_object_list(box, src=0, device=self.device)
        return box[0]  # type: ignore[return-value]

    def by_first(self, compute: Callable[[], T]) -> T:
        """Compute something in the first process only; an error is raised in all of them."""
        result: Any = None
        error: Exception | None = None
        if self.is_first:
            try:
                result = compute()
            except Exception as raised:  # the others would wait
                error = raised
        result, error = self.of_first((result, error))
        if error is not None:
            raise error
        return result

    def align(self, tensors: Sequence[Tensor]) -> None:
        """Copy tensors of the first process to the others."""
        with self._together(), torch.no_grad():
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replace each gradient by its sum over all processes; one that no process has stays None."""
        parameters = [parameter for parameter in parameters if parameter.requires_grad]
        if not parameters:
            return
        flat = torch.cat(
            [(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in parameters]
            + [parameters[0].new_tensor([float(p.grad is not None) for p in parameters])]
        )
        self.sum(flat)
        sizes = [parameter.numel() for parameter in parameters]
        *parts, known = flat.split([*sizes, len(parameters)])
        # a gradient that is missing here may be there in another process, which had other rows
        if all(parameter.grad is not None for parameter in parameters):
            for parameter, part in zip(parameters, parts, strict=True):
                parameter.grad.copy_(part.view_as(parameter))  # type: ignore[union-attr]
            return
        for parameter, part, count in zip(parameters, parts, known.tolist(), strict=True):
            parameter.grad = part.view_as(parameter).clone() if count else None

    def unequal(self, tensors: Sequence[Tensor]) -> list[int]:
        """Return the positions of the tensors whose sums differ between processes by more than rounding."""
        sums = torch.tensor([float(tensor.double().sum()) for tensor in tensors], dtype=torch.float64)
        firsts = torch.tensor(self.of_first(sums.tolist()), dtype=torch.float64)
        close = torch.isclose(sums, firsts, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        return [position for position, differs in enumerate(self.any((~close).tolist())) if differs]

    @contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # what every backend raises
            raise ParallelError(
                f"process {self.rank} of {self.count} lost the others: one has failed, or has not answered within "
                f"the timeout of the process group; see what it printed. torch.distributed: {error}"
            ) from error
