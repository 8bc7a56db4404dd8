"""What each type of task answers, as torch modules that are traced: averages over networks, and decoding.

They compute what ``average``, ``decode`` and ``decode_proba`` of the task compute in numpy.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from ..tasks import Classification, Count, MultilabelClassification, Ordinal, Regression, Task
from ._averages import log_mean_of, logit_of, mean_of


class Answering(nn.Module):
    """Maps the outputs of the networks to the answers of one task.

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
    """

    def __init__(self, name: str, task: Task) -> None:
        super().__init__()
        self.name, self.task = name, task
        self.answers: list[str] = [name]
        self.texts: dict[str, list[str]] = {}

    def average(self, outputs: Tensor, weights: Tensor) -> Tensor:
        """Average outputs (M, B, K) to outputs (B, K) with weights (M,)."""
        return mean_of(outputs, weights)

    @abstractmethod
    def forward(self, output: Tensor) -> list[Tensor]:
        """Convert outputs (B, K) to the answers, each (B,) or (B, ...)."""


class _OfClasses(Answering):
    """One of several classes for each row, and the probabilities of all."""

    classes: Tensor | None

    def __init__(self, name: str, task: Task) -> None:
        super().__init__(name, task)
        self.answers = [f"{name}_label", f"{name}_probabilities"]
        self.n_classes = len(task.classes_)
        values = task.classes_.tolist()
        if all(isinstance(value, str) for value in values):
            self.texts[self.answers[0]] = values
        self.register_buffer("classes", None if self.texts else _numbers_of(values, name))

    def labels_of(self, codes: Tensor) -> Tensor:
        """Return the classes of codes (B,), or the codes if the classes are text."""
        return codes if self.classes is None else self.classes[codes]


def _numbers_of(values: list[Any], name: str) -> Tensor:
    array = np.array(values)
    if array.dtype.kind not in "biuf" or len(array) == 0:
        raise TypeError(
            f"task {name!r}: to_onnx supports classes that are all text, integers, floats or bools; got "
            f"{values[:3]!r}. Convert the labels before fit."
        )
    dtype = {"b": np.bool_, "f": np.float64}.get(array.dtype.kind, np.int64)
    return torch.from_numpy(array.astype(dtype))


class OfClassification(_OfClasses):
    """Answers of a `Classification`."""

    def average(self, outputs: Tensor, weights: Tensor) -> Tensor:
        if self.n_classes == 2:
            return logit_of(outputs, weights)
        return log_mean_of(torch.log_softmax(outputs, dim=-1), weights)

    def forward(self, output: Tensor) -> list[Tensor]:
        exact = output.double()
        if self.n_classes == 2:
            codes = (output[:, 0] > 0).long()
            return [self.labels_of(codes), torch.sigmoid(torch.cat([-exact, exact], dim=1))]
        return [self.labels_of(output.argmax(dim=1)), torch.softmax(exact, dim=1)]


class OfOrdinal(_OfClasses):
    """Answers of an `Ordinal`: the median class, and the probabilities of all."""

    def average(self, outputs: Tensor, weights: Tensor) -> Tensor:
        if self.n_classes == 1:
            return mean_of(outputs, weights)
        exact = outputs.double()
        above = log_mean_of(self._log_above(exact), weights)
        at = log_mean_of(self._log_at(exact), weights)
        return (above[..., 1:] - at[..., :-1]).to(outputs.dtype)

    def forward(self, output: Tensor) -> list[Tensor]:
        ranks = (self._log_above(output)[:, 1:] > float(np.log(0.5))).sum(dim=1)
        return [self.labels_of(ranks), torch.exp(self._log_at(output.double()))]

    def _log_above(self, output: Tensor) -> Tensor:
        """Return the logarithm of the probabilities (..., n_classes) of class k or above."""
        steps = logsigmoid(output[..., : self.n_classes - 1]).cumsum(dim=-1)
        return torch.cat([torch.zeros_like(output[..., :1]), steps], dim=-1)

    def _log_at(self, output: Tensor) -> Tensor:
        stop = logsigmoid(-output[..., : self.n_classes - 1])
        return self._log_above(output) + torch.cat([stop, torch.zeros_like(output[..., :1])], dim=-1)


class OfMultilabel(Answering):
    """Answers of a `MultilabelClassification`: an indicator of the labels (B, n_labels), and probabilities."""

    def __init__(self, name: str, task: MultilabelClassification) -> None:
        super().__init__(name, task)
        self.answers = [f"{name}_labels", f"{name}_probabilities"]
        self.threshold = float(task.threshold)

    def average(self, outputs: Tensor, weights: Tensor) -> Tensor:
        return logit_of(outputs, weights)

    def forward(self, output: Tensor) -> list[Tensor]:
        return [(torch.sigmoid(output) > self.threshold).long(), torch.sigmoid(output.double())]


class _OfNumbers(Answering):
    """Numbers of one column, (B,), or of several, (B, n_columns)."""

    def __init__(self, name: str, task: Regression | Count) -> None:
        super().__init__(name, task)
        self.multi_column = bool(task.multi_column_)

    def columns_of(self, values: Tensor) -> list[Tensor]:
        """Return numbers (B, n_columns) in the shape of y."""
        return [values if self.multi_column else values[:, 0]]


class OfRegression(_OfNumbers):
    """Answers of a `Regression`: numbers in the units of the labels."""

    mean: Tensor
    scale: Tensor

    def __init__(self, name: str, task: Regression) -> None:
        super().__init__(name, task)
        if task.has_quantiles:
            raise TypeError(
                f"task {name!r}: to_onnx does not support Regression(loss={task.loss!r}) of a distribution or of "
                "several quantiles yet; leave the task out by tasks=[...]."
            )
        self.register_buffer("mean", torch.from_numpy(np.array(task.mean_)))
        self.register_buffer("scale", torch.from_numpy(np.where(task._is_constant, 0.0, task.scale_)))

    def forward(self, output: Tensor) -> list[Tensor]:
        return self.columns_of(output.double() * self.scale + self.mean)


class OfCount(_OfNumbers):
    """Answers of a `Count`: rates."""

    log_mean: Tensor

    def __init__(self, name: str, task: Count) -> None:
        super().__init__(name, task)
        if task.has_distribution:
            raise TypeError(
                f"task {name!r}: to_onnx does not support Count(loss={task.loss!r}) yet; leave the task out by "
                "tasks=[...]."
            )
        self.register_buffer("log_mean", torch.from_numpy(np.log(task.mean_)))

    def average(self, outputs: Tensor, weights: Tensor) -> Tensor:
        return log_mean_of(outputs, weights)

    def forward(self, output: Tensor) -> list[Tensor]:
        bound = float(0.9 * np.log(np.finfo(np.float64).max))  # as in Count.decode
        return self.columns_of(torch.exp((output.double() + self.log_mean).clamp(-bound, bound)))


# Exact classes: a subclass may decode in another way.
_BY_TYPE: dict[type, type[Any]] = {
    Classification: OfClassification,
    Ordinal: OfOrdinal,
    MultilabelClassification: OfMultilabel,
    Regression: OfRegression,
    Count: OfCount,
}


def answering_of(name: str, task: Task) -> Answering:
    """Return the module that computes the answers of a fitted task.

    Raises
    ------
    TypeError
        If its type, or one of its options, is not supported; the message names the task.
    """
    if type(task) not in _BY_TYPE:
        supported = ", ".join(known.__name__ for known in _BY_TYPE)
        raise TypeError(
            f"task {name!r}: to_onnx does not support {type(task).__name__}; it supports {supported}. "
            "Leave the task out by tasks=[...]."
        )
    if task.has_many_classes:
        raise TypeError(
            f"task {name!r}: to_onnx does not support softmax='adaptive'. Leave the task out by tasks=[...]."
        )
    answering: Answering = _BY_TYPE[type(task)](name, task)
    return answering
