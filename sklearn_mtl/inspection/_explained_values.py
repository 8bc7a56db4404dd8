"""What is explained of a task: probabilities of classes and labels, and numbers in their units, as tensors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ..tasks import (
    Classification,
    Count,
    MultilabelClassification,
    Ordinal,
    Regression,
    Segmentation,
    SequenceTagging,
    Task,
)

Values = Callable[[Tensor], Tensor]


def values_of(name: str, task: Task) -> Values:
    """Return the function from outputs (..., K) to the values (..., A) of a fitted task, as ``predict`` has them.

    The mean of the values of several networks is the value of their ensemble.

    Raises
    ------
    TypeError
        If the task is of another type, or learns a distribution.
    """
    # exact types: a subclass may decode otherwise
    if isinstance(task, Regression | Count) and task.has_quantiles:
        raise TypeError(
            f"task {name!r}: integrated_gradients does not support {type(task).__name__}(loss={task.loss!r}) of a "
            "distribution or of several quantiles."
        )
    if type(task) is Regression:
        scale = np.where(task._is_constant, 0.0, task.scale_)
        return lambda output: output.double() * _like(scale, output) + _like(task.mean_, output)
    if type(task) is Count:
        return lambda output: torch.exp(output.double() + _like(np.log(task.mean_), output))
    if type(task) is MultilabelClassification:
        return lambda output: torch.sigmoid(output.double())
    if type(task) is Ordinal:
        return lambda output: _of_ranks(output.double(), len(task.classes_))
    if type(task) in (Classification, SequenceTagging, Segmentation):
        n_classes = len(task.classes_)
        return lambda output: _of_classes(output.double(), n_classes)
    raise TypeError(f"task {name!r}: integrated_gradients does not support {type(task).__name__}.")


def _like(values: np.ndarray, output: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64, device=output.device)


def _of_classes(output: Tensor, n_classes: int) -> Tensor:
    if n_classes != 2:
        return torch.softmax(output, dim=-1)
    return torch.sigmoid(torch.cat([-output, output], dim=-1))


def _of_ranks(output: Tensor, n_classes: int) -> Tensor:
    steps = output[..., : n_classes - 1]
    none = torch.zeros_like(output[..., :1])
    above = torch.cat([none, logsigmoid(steps).cumsum(dim=-1)], dim=-1)
    return torch.exp(above + torch.cat([logsigmoid(-steps), none], dim=-1))
