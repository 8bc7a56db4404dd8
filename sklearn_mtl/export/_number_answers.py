"""Answers of tasks with numbers: regressions, counts, boxes and survival, as in their ``decode``."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from ..tasks import BoundingBox, Count, Regression, Survival
from ..tasks._bounding_box import HALF, STEP
from ..tasks._cox import LOG_TWO
from ._answering import Answering, OfNumbers
from ._averages import log_mean_of
from ._families import family_of


class OfRegression(OfNumbers):
    """Answers of a `Regression`: numbers in the units of the labels."""

    mean: Tensor
    scale: Tensor

    def __init__(self, name: str, task: Regression) -> None:
        super().__init__(name, task)
        self.register_buffer("mean", torch.from_numpy(np.array(task.mean_)))
        self.register_buffer("scale", torch.from_numpy(np.where(task._is_constant, 0.0, task.scale_)))

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        return self.columns_of(output.double() * self.scale + self.mean)


class OfCount(OfNumbers):
    """Answers of a `Count`: rates."""

    log_mean: Tensor

    def __init__(self, name: str, task: Count) -> None:
        super().__init__(name, task)
        self.register_buffer("log_mean", torch.from_numpy(np.log(task.mean_)))

    def average(self, outputs: Tensor, weights: Tensor) -> Tensor:
        return log_mean_of(outputs, weights)

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        bound = float(0.9 * np.log(np.finfo(np.float64).max))  # as in Count.decode
        return self.columns_of(torch.exp((output.double() + self.log_mean).clamp(-bound, bound)))


class OfFamily(OfNumbers):
    """Answers of a task that learns a distribution: mean and deviation; or several quantiles: the middle and all.

    Parameters
    ----------
    name : str
    task : Regression or Count
        Fitted.
    """

    def __init__(self, name: str, task: Regression | Count) -> None:
        super().__init__(name, task)
        self.family = family_of(task._family)
        self.answers = [name, f"{name}_{self.family.suffix}"]
        levels = getattr(task, "_levels", None)
        if levels is not None:
            self.remarks = {"quantiles": list(levels)}

    def average(self, outputs: Tensor, weights: Tensor) -> Tensor:
        averaged: Tensor = self.family.average(self._by_column(outputs), weights)
        return averaged.flatten(-2).to(outputs.dtype)

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        return [one for values in self.family(self._by_column(output)) for one in self.columns_of(values)]

    def _by_column(self, outputs: Tensor) -> Tensor:
        """Reshape outputs (..., K) to those of each column, (..., C, P), in float64."""
        return outputs.double().unflatten(-1, (-1, self.family.n_parameters))


class OfBox(Answering):
    """Answers of a `BoundingBox`: (x0, y0, x1, y1) of each row, (B, 4)."""

    low: Tensor
    size: Tensor

    def __init__(self, name: str, task: BoundingBox) -> None:
        super().__init__(name, task)
        self.register_buffer("low", torch.from_numpy(np.array(task.low_)))
        self.register_buffer("size", torch.from_numpy(np.array(task.range_)))

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        exact = output.double()
        half, centre = 0.5 * softplus(exact[:, 2:] + HALF), 0.5 + STEP * exact[:, :2]
        return [torch.cat([self.low + self.size * corner for corner in (centre - half, centre + half)], dim=1)]


class OfSurvival(Answering):
    """Answers of a `Survival`: the median time, the risk, and the curve at the times of the task."""

    def __init__(self, name: str, task: Survival) -> None:
        super().__init__(name, task)
        self.answers = [name, f"{name}_risk", f"{name}_survival"]
        self.remarks = {"times": task.times_.tolist()}
        self.is_cox, self.last = task.loss == "cox", float(task.last_time_)
        of_loss = {"hazard": task.log_baseline_} if self.is_cox else {"edges": task.edges_}
        for key, values in {"times": task.times_, **of_loss}.items():
            self.register_buffer(key, torch.from_numpy(np.array(values, dtype=np.float64)))

    def average(self, outputs: Tensor, weights: Tensor) -> Tensor:
        if self.is_cox:
            return super().average(outputs, weights)
        exact = outputs.double()
        lived = _log_survival(exact)
        died = log_mean_of(lived[..., :-1] + logsigmoid(exact), weights)
        return (died - log_mean_of(lived[..., 1:], weights)).to(outputs.dtype)

    def forward(self, output: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        exact = output.double()
        return self._of_cox(exact[:, 0]) if self.is_cox else self._of_hazards(exact)

    def _of_cox(self, score: Tensor) -> list[Tensor]:
        hazard = self.get_buffer("hazard")
        reached = (hazard + 1e-12 < (math.log(LOG_TWO) - score).unsqueeze(1)).sum(dim=1)  # as in cox_median
        times = torch.cat([self.get_buffer("times"), torch.full((1,), self.last, dtype=torch.float64)])
        return [times[reached], score, torch.exp(-torch.exp(hazard + score.unsqueeze(1)))]

    def _of_hazards(self, output: Tensor) -> list[Tensor]:
        edges, curve = self.get_buffer("edges"), torch.exp(_log_survival(output))
        reached = curve <= 0.5
        has_median = reached.any(dim=1)
        after = torch.where(has_median, reached.long().argmax(dim=1), 1).unsqueeze(1)
        before, behind = (curve.gather(1, place).squeeze(1) for place in (after - 1, after))
        share = (before - 0.5) / torch.where(before > behind, before - behind, 1.0)
        start, end = edges[after.squeeze(1) - 1], edges[after.squeeze(1)]
        median = torch.where(has_median, start + share * (end - start), self.last)
        survived = ((curve[:, 1:] + curve[:, :-1]) / 2 * edges.diff()).sum(dim=1)
        return [median, 1 - survived / edges[-1], curve[:, 1:]]


def _log_survival(output: Tensor) -> Tensor:
    """Return the logarithm of the survival (..., K + 1) at the edges, from logits of hazards (..., K)."""
    steps = logsigmoid(-output).cumsum(dim=-1)
    return torch.cat([torch.zeros_like(steps[..., :1]), steps], dim=-1)
