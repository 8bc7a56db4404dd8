"""Hazards of discrete intervals of time: intervals, likelihood, and survival curves."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import log_expit
from torch import Tensor
from torch.nn.functional import logsigmoid

from ..columns._survival import CensoredTimes
from ._members import log_mean_of_members


def quantiles(values: np.ndarray, weight: np.ndarray | None, shares: np.ndarray) -> np.ndarray:
    """Return the different quantiles of values, each one of them; a weight of 2 is a repeated value."""
    order = np.argsort(values, kind="stable")
    mass = np.ones(len(values)) if weight is None else weight[order]
    reached = np.cumsum(mass) / mass.sum()
    # rounding must not move a quantile to the next value
    place = np.searchsorted(reached, shares - 1e-9, side="left")
    return np.unique(values[order][np.minimum(place, len(values) - 1)])


def n_survived(labels: CensoredTimes, edges: np.ndarray) -> np.ndarray:
    """Return how many intervals each row has survived.

    An interval contains its end. A row that is censored has survived an interval if it was observed for at least
    half of it.

    Parameters
    ----------
    labels : CensoredTimes
    edges : ndarray of shape (n_intervals + 1,)
        From 0.
    """
    middles = (edges[1:] + edges[:-1]) / 2
    until_event = np.searchsorted(edges[1:], labels.time, side="left")
    until_censored = np.searchsorted(middles, labels.time, side="right")
    return np.where(labels.event, until_event, until_censored)


def hazard_loss(output: Tensor, target: Tensor) -> Tensor:
    """Compute the negative log-likelihood of each row.

    Parameters
    ----------
    output : Tensor of shape (..., B, K)
        Logits of the hazards of the intervals.
    target : Tensor of shape (..., B, 2)
        Event, and number of intervals that the row has survived.

    Returns
    -------
    Tensor of shape (..., B, 1)
    """
    output = output.to(torch.promote_types(output.dtype, torch.float32))  # bfloat16 has too few digits
    event, survived = target[..., :1], target[..., 1:]
    steps = torch.arange(output.shape[-1], device=output.device)
    lived = torch.where(steps < survived, logsigmoid(-output), 0.0)
    died = torch.where((steps == survived) & (event > 0), logsigmoid(output), 0.0)
    return -(lived + died).sum(dim=-1, keepdim=True)


def log_survival(output: np.ndarray) -> np.ndarray:
    """Return the logarithm of the survival (..., K + 1) at the edges, from logits of hazards (..., K)."""
    steps = log_expit(-output).cumsum(axis=-1)
    return np.concatenate([np.zeros((*output.shape[:-1], 1)), steps], axis=-1)


def average_hazards(outputs: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Return the logits of the hazards (B, K) of the mean of the members' survival curves, from (M, B, K)."""
    exact = outputs.astype(np.float64)
    lived = log_survival(exact)
    died = log_mean_of_members(lived[..., :-1] + log_expit(exact), weights)
    beyond = log_mean_of_members(lived[..., 1:], weights)
    return (died - beyond).astype(outputs.dtype)


def hazard_survival(output: np.ndarray, edges: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Compute the probabilities (n_samples, n_at) of survival beyond some times, linear within an interval."""
    curve = np.exp(log_survival(output))
    at = np.clip(at, edges[0], edges[-1])
    after = np.clip(np.searchsorted(edges, at, side="right"), 1, len(edges) - 1)
    share = (at - edges[after - 1]) / (edges[after] - edges[after - 1])
    return np.asarray(curve[:, after - 1] * (1 - share) + curve[:, after] * share)


def hazard_median(output: np.ndarray, edges: np.ndarray, last: float) -> np.ndarray:
    """Return the time at which survival is 0.5, by logits of hazards (n_samples, K); ``last`` if there is none."""
    curve = np.exp(log_survival(output))
    reached = curve <= 0.5
    after = np.where(reached.any(axis=1), reached.argmax(axis=1), 1)[:, None]
    before, behind = (np.take_along_axis(curve, place, axis=1)[:, 0] for place in (after - 1, after))
    share = (before - 0.5) / np.where(before > behind, before - behind, 1.0)
    start, end = edges[after[:, 0] - 1], edges[after[:, 0]]
    return np.where(reached.any(axis=1), start + share * (end - start), last)


def share_lost(output: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the share of the time until the last edge that is not survived on average, (n_samples,)."""
    survived = np.trapezoid(np.exp(log_survival(output)), edges, axis=1)
    return 1.0 - survived / edges[-1]
