"""Check the results of tasks, which users can define, with errors that name the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..columns._ragged import RaggedRows
from ..utils._memory import first_line
from ._base import Encoded, Task


def loss_of(names: Sequence[str], task: Task, output: Tensor, target: Tensor, n_elements: int) -> Tensor:
    """Compute the loss of each element of some tasks with the first of them.

    Raises
    ------
    ValueError
        If the loss fails, or does not have shape (..., B, positions, n_elements).
    """
    try:
        loss = task.elementwise_loss(output, target)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"task {', '.join(names)!r}: {type(task).__name__}.elementwise_loss failed for outputs "
            f"{_shape(output)} and targets {_shape(target)}: {first_line(error)}"
        ) from error
    expected = (*output.shape[:-1], n_elements)
    if not isinstance(loss, Tensor) or loss.shape != expected:
        got = f"a loss {_shape(loss)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(
            f"task {', '.join(names)!r}: elementwise_loss of {type(task).__name__} returned {got}, expected the "
            f"loss of each element, {expected}, for outputs {_shape(output)} and targets {_shape(target)}; losses "
            "of torch need reduction='none'"
        )
    return loss


def encode(task: Task, name: str, y: np.ndarray) -> Encoded:
    """Encode the labels of a task.

    Raises
    ------
    ValueError
        If the labels are invalid for the task, or the result is not finite or has another number of rows.
    """
    try:
        encoded = task.encode(y)
    except (TypeError, ValueError) as error:
        raise ValueError(f"task {name!r}: {error}") from error
    if not isinstance(encoded, tuple) or len(encoded) != 2:
        raise ValueError(
            f"task {name!r}: encode of {type(task).__name__} should return target and weight, got "
            f"{type(encoded).__name__}"
        )
    for what, values in zip(("target", "weight"), encoded, strict=True):
        _check_rows(task, name, f"encode of {type(task).__name__} returned a {what}", values, len(y))
        numbers = values.values.numpy() if isinstance(values, RaggedRows) else np.asarray(values)
        if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
            raise ValueError(
                f"task {name!r}: encode of {type(task).__name__} returned a {what} with NaN or infinity; for a "
                "missing label, return any finite target and a weight of 0"
            )
    target, weight = (values if isinstance(values, RaggedRows) else np.asarray(values) for values in encoded)
    shape = tuple(weight.values.shape if isinstance(weight, RaggedRows) else weight.shape)
    if shape[-1] != task.n_elements_:
        raise ValueError(
            f"task {name!r}: encode of {type(task).__name__} returned weights of shape {shape}, expected one for "
            f"each of n_elements_={task.n_elements_} elements in the last axis"
        )
    return Encoded(target, weight)


def decode(task: Task, name: str, output: Any) -> np.ndarray:
    """Convert the outputs of a task to predictions.

    Raises
    ------
    ValueError
        If the predictions have another number of rows.
    """
    predictions = task.decode(output)
    _check_rows(task, name, f"decode of {type(task).__name__} returned predictions", predictions, len(output))
    return predictions


def _check_rows(task: Task, name: str, what: str, values: Any, n_rows: int) -> None:
    shape = () if isinstance(values, RaggedRows) else np.shape(values)
    found = len(values) if isinstance(values, RaggedRows) or shape else None
    if found != n_rows:
        got = f"of shape {shape}" if found is None or shape else f"with {found} rows"
        raise ValueError(f"task {name!r}: {what} {got}, expected {n_rows} rows")


def _shape(tensor: Tensor) -> str:
    return f"of shape {tuple(tensor.shape)}"
