"""Base classes of what a task answers in a graph."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..tasks import Task
from ._averages import mean_of


class Answering(nn.Module):
    """Maps the outputs of the networks to the answers of one task.

    It is traced, and computes what ``average``, ``decode`` and ``decode_proba`` of the task compute in numpy.

    Parameters
    ----------
    name : str
    task : Task
        Fitted.

    Attributes
    ----------
    answers : list of str
        Names of what ``forward`` returns.
    texts : dict of str to list of str
        By answer that is a code, the texts that the codes stand for.
    remarks : dict of str to list
        What else of the task a user needs to read the answers, such as the times of a curve.
    """

    def __init__(self, name: str, task: Task) -> None:
        super().__init__()
        self.name, self.task = name, task
        self.answers: list[str] = [name]
        self.texts: dict[str, list[str]] = {}
        self.remarks: dict[str, list[Any]] = {}

    def average(self, outputs: Tensor, weights: Tensor) -> Tensor:
        """Average outputs (M, B, positions, K) to outputs (B, positions, K) with weights (M,)."""
        return mean_of(outputs, weights)

    @abstractmethod
    def forward(self, output: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """Convert outputs (B, positions, K) to the answers, each (B,) or (B, ...).

        ``lengths`` is the number of tokens of each row, (B,), if rows are sequences.
        """


class OfClasses(Answering):
    """One of several classes for each row or position, and the probabilities of all.

    Parameters
    ----------
    name : str
    task : Task
        Fitted.
    suffix : str, default="label"
        Of the name of the classes.
    """

    classes: Tensor | None

    def __init__(self, name: str, task: Task, suffix: str = "label") -> None:
        super().__init__(name, task)
        self.answers = [f"{name}_{suffix}", f"{name}_probabilities"]
        self.n_classes = len(task.classes_)
        values = task.classes_.tolist()
        if all(isinstance(value, str) for value in values):
            self.texts[self.answers[0]] = values
        self.register_buffer("classes", None if self.texts else _numbers_of(values, name))

    def labels_of(self, codes: Tensor) -> Tensor:
        """Return the classes of codes, or the codes if the classes are text."""
        return codes if self.classes is None else self.classes[codes]


def _numbers_of(values: list[Any], name: str) -> Tensor:
    array = np.array(values)
    if array.dtype.kind not in "biuf" or len(array) == 0:
        raise TypeError(
            f"task {name!r}: an export supports classes that are all text, integers, floats or bools; got "
            f"{values[:3]!r}. Convert the labels before fit."
        )
    dtype = {"b": np.bool_, "f": np.float64}.get(array.dtype.kind, np.int64)
    return torch.from_numpy(array.astype(dtype))


class OfNumbers(Answering):
    """Numbers of one column, (B,), or of several, (B, n_columns)."""

    def __init__(self, name: str, task: Any) -> None:
        super().__init__(name, task)
        self.multi_column = bool(task.multi_column_)

    def columns_of(self, values: Tensor) -> list[Tensor]:
        """Return numbers (B, n_columns) in the shape of y."""
        return [values if self.multi_column else values[:, 0]]
