"""How the tasks were balanced in an epoch, read from the device once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch

from ..model._objective import Step


def read_balance(log: Sequence[Step], names: Sequence[str]) -> list[dict[str, float]]:
    """Return entries of the history for each member: task weights, and norms and cosines of gradients.

    Weights are means over the steps in which a task has a label; norms and cosines of gradients over the steps
    for which Gram matrices were computed.

    Parameters
    ----------
    log : sequence of Step
        One per batch.
    names : sequence of str
        The tasks in the order of their losses.
    """
    if log[0].weights is None:
        return []
    weights = torch.stack([_weights(step) for step in log]).double().cpu().numpy()
    by_member = _nan_mean(weights.reshape(len(log), -1, len(names)))
    entries = [{f"weight__{name}": float(v) for name, v in zip(names, row, strict=True)} for row in by_member]
    gramians = [step.gramian for step in log if step.gramian is not None]
    if gramians:
        conflicts = _conflicts(torch.stack(gramians).double().cpu().numpy(), names)
        entries = [entry | conflicts for entry in entries]
    return entries


def _weights(step: Step) -> torch.Tensor:
    assert step.weights is not None
    weights = step.weights.expand_as(step.losses)
    return weights if step.mass is None else torch.where(step.mass > 0, weights, torch.nan)


def _conflicts(gramians: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    norms = np.sqrt(np.diagonal(gramians, axis1=1, axis2=2).clip(min=0))
    products = norms[:, :, None] * norms[:, None, :]
    cosines = np.divide(gramians, products, out=np.full(gramians.shape, np.nan), where=products > 0)
    norm = _nan_mean(np.where(norms > 0, norms, np.nan))
    cosine = _nan_mean(cosines)
    entries = {f"gradient_norm__{name}": float(norm[i]) for i, name in enumerate(names)}
    for (i, one), (j, other) in combinations(enumerate(names), 2):
        entries[f"gradient_cosine__{one}__{other}"] = float(cosine[i, j])
    return entries


def _nan_mean(values: np.ndarray) -> np.ndarray:
    """Average over steps; NaN where there is nothing to average."""
    # numpy's nanmean would warn, and warnings cannot be silenced in one thread only
    count = np.sum(~np.isnan(values), axis=0)
    total: np.ndarray = np.nansum(values, axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
