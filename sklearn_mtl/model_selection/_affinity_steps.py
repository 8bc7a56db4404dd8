"""Affinities of tasks from the steps of one training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from skorch.callbacks import Callback

from ..targets import Targets
from ..utils._types import RowsLike
from ..weighting import GramianWeighting
from ._stack import last_step
from ._study import with_one_member
from ._task_fits import for_tasks

# Steps between two that are looked at.
EVERY = 10


class EqualWeights(GramianWeighting):
    """Equal weights, with a record of the cosines of the gradients in the history."""

    def __init__(self, grad_at: str = "trunk", every: int = EVERY) -> None:
        self.grad_at = grad_at
        self.every = every

    def solver(self) -> Any:
        return lambda gramian: torch.ones(len(gramian), dtype=gramian.dtype)


def of_gradients(
    net: Any, path: Sequence[str], X: RowsLike, y: Targets, names: Sequence[str], fit_params: Mapping[str, Any]
) -> np.ndarray:
    """Average the cosines of the gradients of the shared layers over the epochs of one training."""
    fitted = _one_network(net, path, names, weighting=EqualWeights()).fit(X, y, **fit_params)
    history = last_step(fitted)[0].history_
    affinity = np.zeros((len(names), len(names)))
    for (i, one), (j, other) in combinations(enumerate(names), 2):
        column = f"gradient_cosine__{one}__{other}"
        if column in history and history[column].notna().any():
            affinity[i, j] = affinity[j, i] = history[column].mean()
    return affinity


def of_lookahead(
    net: Any, path: Sequence[str], X: RowsLike, y: Targets, names: Sequence[str], fit_params: Mapping[str, Any]
) -> np.ndarray:
    """Average the relative decrease of the loss of each task by a step on each other task, over one training."""
    lookahead = Lookahead()
    last, _ = last_step(net)
    watched = _one_network(net, path, names, callbacks=[*(last.callbacks or []), ("lookahead", lookahead)])
    watched.fit(X, y, **fit_params)
    return lookahead.affinity()


def _one_network(net: Any, path: Sequence[str], names: Sequence[str], **params: Any) -> Any:
    """Change an estimator so that it trains one network, and set further parameters."""
    one = with_one_member(for_tasks(net, names))
    return one.set_params(**{"__".join([*path, name]): value for name, value in params.items()})


class Lookahead(Callback):
    """Try steps of gradient descent on single tasks during a training, which does not change.

    A copy is the callback itself, because the estimator trains with a copy, and the trials are read here.

    Parameters
    ----------
    every : int
        Steps between two trials.
    """

    def __init__(self, every: int = EVERY) -> None:
        self.every = every
        self.found: list[np.ndarray] = []

    def __sklearn_clone__(self) -> Lookahead:
        return self

    def __deepcopy__(self, memo: Any) -> Lookahead:
        return self

    def affinity(self) -> np.ndarray:
        """Return the mean (T, T) over the trials in units of its diagonal, and then a diagonal of 0.

        So the entry of tasks i and j is the effect of a step on j, as a share of the effect of a step on i itself,
        whatever the length of steps.
        """
        trials = np.stack(self.found)
        count = np.isfinite(trials).sum(axis=0)
        mean = np.divide(np.nansum(trials, axis=0), count, out=np.zeros(trials.shape[1:]), where=count > 0)
        own = np.diag(mean)[:, None]
        affinity = np.divide(mean, own, out=np.zeros(mean.shape), where=own > 0)
        np.fill_diagonal(affinity, 0.0)
        return affinity

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        self.steps = 0

    def on_batch_begin(self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any) -> None:
        if not training:
            return
        self.steps += 1
        if self.steps % self.every == 1:
            self.found.append(self._trial(net.stacks[0], batch, net.optimizer_.param_groups[0]["lr"]))

    def _trial(self, stack: Any, batch: Any, rate: float) -> np.ndarray:
        """Return 1 - L_i(after a step on j) / L_i(before), (T, T), in row i and column j."""
        shared = [parameter for parameter in stack.network.shared_parameters() if parameter.requires_grad]
        was_training = stack.network.training
        stack.network.eval()  # dropout would change the loss more than the step does
        try:
            with torch.enable_grad():
                before = stack.losses(batch)[1].losses
                gradients = [
                    torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True) for loss in before
                ]
            values = before.detach()
            columns = [self._after(stack, batch, shared, of_task, rate) for of_task in gradients]
        finally:
            stack.network.train(was_training)
        after = torch.stack(columns, dim=1)
        ratio = torch.where(values[:, None] > 0, 1 - after / values[:, None], torch.nan)
        return ratio.double().cpu().numpy()

    @staticmethod
    @torch.no_grad()
    def _after(stack: Any, batch: Any, shared: Sequence[Any], gradients: Sequence[Any], rate: float) -> Any:
        """Return the losses (T,) after a step of gradient descent, and take the step back."""
        kept = [parameter.clone() for parameter in shared]
        for parameter, gradient in zip(shared, gradients, strict=True):
            if gradient is not None:
                parameter -= rate * gradient
        losses = stack.losses(batch)[1].losses
        for parameter, value in zip(shared, kept, strict=True):
            parameter.copy_(value)
        return losses
