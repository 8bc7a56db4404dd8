"""Answers of tasks with classes, of rows, tokens and pixels, as in their ``decode`` and ``decode_proba``."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ..tasks import MultilabelClassification, Segmentation, SequenceTagging
from ..tasks._position_labels import MISSING_LABEL
from ._answering import Answering, OfClasses
from ._averages import log_mean_of, logit_of, mean_of
from ._paths import BestPaths


class OfClassification(OfClasses):
    """Answers of a `Classification`."""

    def average(self, outputs: Tensor, weights: Tensor) -> Tensor:
        if self.n_classes == 2:
            return logit_of(outputs, weights)
        return log_mean_of(torch.log_softmax(outputs, dim=-1), weights)

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        return [self.labels_of(self.codes_of(output)), self.probabilities_of(output)]

    def codes_of(self, output: Tensor) -> Tensor:
        """Return the most probable class of each row or position."""
        return (output[..., 0] > 0).long() if self.n_classes == 2 else output.argmax(dim=-1)

    def probabilities_of(self, output: Tensor) -> Tensor:
        """Return the probabilities (..., n_classes) in float64."""
        exact = output.double()
        if self.n_classes == 2:
            return torch.sigmoid(torch.cat([-exact, exact], dim=-1))
        return torch.softmax(exact, dim=-1)


class OfTags(OfClassification):
    """Answers of a `SequenceTagging`: a tag for each token, of a valid sequence, and the probabilities of all.

    Behind the end of a row tags are "", or -1 if tags are numbers, and probabilities 0.
    """

    def __init__(self, name: str, task: SequenceTagging) -> None:
        super().__init__(name, task, "labels")
        self.paths = None if task.grammar_ is None else BestPaths(task.grammar_)

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        n_rows, n_steps = output.shape[:2]
        if lengths is None:
            lengths = torch.full((n_rows,), n_steps)
        codes, probabilities = self._tags(output, lengths), self.probabilities_of(output)
        there = torch.arange(n_steps) < lengths.unsqueeze(1)
        labels = self.labels_of(codes)
        if labels.dtype == torch.bool:
            labels = labels.long()
        return [torch.where(there, labels, MISSING_LABEL), probabilities * there.unsqueeze(2)]

    def _tags(self, output: Tensor, lengths: Tensor) -> Tensor:
        if self.paths is None:
            return self.codes_of(output)
        # two labels have one logit
        scores = output if output.shape[2] > 1 else torch.cat([torch.zeros_like(output), output], dim=2)
        tags: Tensor = self.paths(scores, lengths)
        return tags


class OfSegmentation(OfClassification):
    """Answers of a `Segmentation`: a class for each pixel, and the probabilities of all."""

    def __init__(self, name: str, task: Segmentation) -> None:
        super().__init__(name, task, "labels")

    def probabilities_of(self, output: Tensor) -> Tensor:
        return super().probabilities_of(output).to(output.dtype)  # as in predict_proba, to save memory


class OfOrdinal(OfClasses):
    """Answers of an `Ordinal`: the median class, and the probabilities of all."""

    def average(self, outputs: Tensor, weights: Tensor) -> Tensor:
        if self.n_classes == 1:
            return mean_of(outputs, weights)
        exact = outputs.double()
        above = log_mean_of(self._log_above(exact), weights)
        at = log_mean_of(self._log_at(exact), weights)
        return (above[..., 1:] - at[..., :-1]).to(outputs.dtype)

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
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

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        return [(torch.sigmoid(output) > self.threshold).long(), torch.sigmoid(output.double())]
