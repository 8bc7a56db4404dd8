"""Weightings that are computed from the gradients of the tasks."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..utils._optional import import_optional
from ..utils._params import Interval, StrOptions
from ._base import Weighting, WeightingModule

Solver = Callable[[Tensor], Tensor]


class UnsolvableError(ArithmeticError):
    """The weights of a step cannot be computed; the trainer adds the position of the step.

    Parameters
    ----------
    losses : Tensor of shape (T,)
        The losses of the step.
    gramian : Tensor of shape (T, T)
    """

    def __init__(self, losses: Tensor, gramian: Tensor) -> None:
        super().__init__("no weights can be computed from the Gram matrix of the gradients")
        self.losses, self.gramian = losses, gramian


class GramianWeighting(Weighting):
    r"""A weighting that is a function of the Gram matrix of the tasks' gradients.

    The weights apply to the gradients of the shared part; the private part of each task learns from its own loss.
    Task weights multiply the gradients of both parts; the Gram matrix is computed from the unweighted losses. Only
    tasks with a label in the batch and a nonzero gradient take part. Weights are scaled such that tasks with
    orthogonal gradients of equal length have a weight of about 1, as in the plain sum, except in `NashMTL`.

    All of them have two parameters. ``grad_at`` is "representation" for gradients with respect to the shared
    representation, row by row, or "trunk" for gradients with respect to all shared parameters, which needs a
    backward pass for each task. ``every`` is the number of steps between two computations of the weights.
    """

    not_stackable = "its weights are solved for one network at a time"
    needs_gramian = True
    weighs_gradients = True

    every: int

    _parameter_constraints: ClassVar[dict] = {
        "grad_at": [StrOptions({"representation", "trunk"})],
        "every": [Interval(Integral, 1, None, closed="left")],
    }

    @abstractmethod
    def solver(self) -> Solver:
        """Return the function from the Gram matrix (T, T), in double precision, to the weights (T,).

        The Gram matrix is divided by its mean diagonal, because the weights do not depend on the unit of the
        losses. A bound of the rounding error of its eigenvalues is added to the diagonal.

        Raises
        ------
        ImportError
            If it needs an optional library.
        """

    def build(self, tasks: Mapping[str, Any]) -> WeightingModule:
        return GramianModule(len(tasks), self.solver(), self.every)


class GramianModule(WeightingModule):
    """Module that solves for the weights of the present tasks at intervals and keeps them in between.

    Parameters
    ----------
    n_tasks : int
        T.
    solver : callable
        From a Gram matrix to weights.
    every : int
        Steps between two solutions.
    """

    weights: Tensor

    def __init__(self, n_tasks: int, solver: Solver, every: int) -> None:
        super().__init__()
        self.solver = solver
        self.every = every
        self.steps = 0
        self.register_buffer("weights", torch.ones(n_tasks))

    @property
    def wants_gramian(self) -> bool:
        return self.steps % self.every == 0

    def get_extra_state(self) -> Tensor:
        """Return the step count; it is no buffer, because reading it from a GPU in each step is slow."""
        return torch.tensor(self.steps)

    def set_extra_state(self, state: Tensor) -> None:
        """Set the step count."""
        self.steps = int(state)

    def forward(self, losses: Tensor, present: Tensor, gramian: Tensor | None) -> Tensor:
        self.steps += 1
        if gramian is None:
            return torch.where(present, self.weights, 0.0)
        weights = self._solved(losses, present, gramian)
        # an absent task keeps its weight
        self.weights = torch.where(present, weights, self.weights)
        return weights

    def _solved(self, losses: Tensor, present: Tensor, gramian: Tensor) -> Tensor:
        if losses.dim() == 1:
            return self._solve(losses, present, gramian).to(losses)
        n_tasks = losses.shape[-1]
        flat = losses.reshape(-1, n_tasks), present.reshape(-1, n_tasks), gramian.reshape(-1, n_tasks, n_tasks)
        solved = torch.stack([self._solve(*one) for one in zip(*flat, strict=True)]).reshape(losses.shape)
        return solved.to(losses)

    def _solve(self, losses: Tensor, present: Tensor, gramian: Tensor) -> Tensor:
        products = gramian.detach().to("cpu", torch.float64)
        there = present.cpu() & (products.diagonal() != 0)
        chosen = None if there.all() else there.nonzero().flatten()
        weights = present.double().cpu()
        if chosen is not None:
            products = products[chosen][:, chosen]
        if len(products):
            solved = self._try_to_solve(products, torch.finfo(gramian.dtype).eps)
            if solved is None:
                raise UnsolvableError(losses.detach(), gramian.detach())
            weights[slice(None) if chosen is None else chosen] = solved
        return weights

    def _try_to_solve(self, gramian: Tensor, precision: float) -> Tensor | None:
        """Solve for the weights; None if the Gram matrix or the solution is not finite."""
        if not math.isfinite(gramian.sum()):
            return None
        try:
            weights = self._solution(gramian, precision)
        except (np.linalg.LinAlgError, RuntimeError):  # RuntimeError: torch's LinAlgError, and scipy's nnls
            return None
        return weights if math.isfinite(weights.sum()) else None

    def _solution(self, gramian: Tensor, precision: float) -> Tensor:
        if len(gramian) == 1:
            return torch.ones(1, dtype=gramian.dtype)
        # no method depends on the scale
        gramian = gramian / gramian.diagonal().mean()
        gramian.diagonal().mul_(1 + len(gramian) * precision)
        with self.random_numbers():
            return self.solver(gramian)

    def random_numbers(self) -> Any:
        """Seed the global generator for a solver that draws from it, and restore its state."""
        return torch.no_grad()


def torchjd(name: str, weighting: Weighting, **params: Any) -> Any:
    """Build a weighting of TorchJD, which the extra "balancing" installs."""
    return getattr(import_optional("torchjd.aggregation", "balancing", type(weighting).__name__), name)(**params)
