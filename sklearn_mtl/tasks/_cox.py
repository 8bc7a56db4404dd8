"""Cox's partial likelihood, and Breslow's estimate of the baseline hazard."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

# Logarithm of the hazard of a row that is never at risk; minus infinity has no gradient.
_NEVER = -1e30
LOG_TWO = float(np.log(2.0))


def cox_loss(output: Tensor, target: Tensor) -> Tensor:
    r"""Compute the negative log partial likelihood of each row, with Breslow's treatment of ties.

    Of a row with an event it is :math:`\log \sum_j w_j e^{\eta_j} - \eta_i - \log w_i` over the rows j of the
    batch that are at risk, those with :math:`t_j \ge t_i`; of all other rows it is 0.

    Parameters
    ----------
    output : Tensor of shape (..., B, 1)
        Logarithms of the relative hazards.
    target : Tensor of shape (..., B, 3)
        Event, time and weight of each row; a row of weight 0 is never at risk.

    Returns
    -------
    Tensor of shape (..., B, 1)
    """
    score = output[..., 0].to(torch.promote_types(output.dtype, torch.float32))  # bfloat16 has too few digits
    event, time, weight = target.to(score.dtype).unbind(dim=-1)
    at_risk = weight > 0
    score = torch.where(at_risk, score + torch.where(at_risk, weight, 1.0).log(), _NEVER)
    time, order = time.sort(dim=-1, descending=True, stable=True)
    backwards = -time.contiguous()
    last_of_tie = torch.searchsorted(backwards, backwards, right=True) - 1
    # position of each row's last tie among the sorted rows
    place = last_of_tie.gather(-1, order.argsort(dim=-1)).expand_as(score)
    sums = score.gather(-1, order.expand_as(score)).logcumsumexp(dim=-1).gather(-1, place)
    return torch.where(at_risk & (event > 0), sums - score, 0.0).clamp_min(0.0).unsqueeze(-1)


def breslow(
    score: np.ndarray, time: np.ndarray, event: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate the cumulative baseline hazard.

    Parameters
    ----------
    score : ndarray of shape (n_samples,)
        Logarithms of the relative hazards.
    time, event, weight : ndarray of shape (n_samples,)
        Rows of weight 0 do not count.

    Returns
    -------
    times : ndarray of shape (n_times,)
        Times of events, increasing.
    log_hazard : ndarray of shape (n_times,)
        Logarithm of the cumulative hazard at these times of a row of score 0.
    """
    kept = weight > 0
    order = np.argsort(-time[kept], kind="stable")
    score, time, event, weight = (values[kept][order] for values in (score, time, event, weight))
    at_risk = np.logaddexp.accumulate(score + np.log(weight))
    times, position = np.unique(time[event > 0], return_inverse=True)
    deaths = np.bincount(position, weights=weight[event > 0], minlength=len(times))
    last = np.searchsorted(-time, -times, side="right") - 1
    return times, np.logaddexp.accumulate(np.log(deaths) - at_risk[last])


def cox_survival(score: np.ndarray, times: np.ndarray, log_hazard: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Compute the probabilities (n_samples, n_at) of survival beyond some times, from scores (n_samples,)."""
    known = np.concatenate([[-np.inf], log_hazard])[np.searchsorted(times, at, side="right")]
    with np.errstate(over="ignore"):  # a hazard beyond the largest number is certain death
        return np.asarray(np.exp(-np.exp(known + score[:, None])))


def cox_median(score: np.ndarray, times: np.ndarray, log_hazard: np.ndarray, last: float) -> np.ndarray:
    """Return the first time at which survival is at most 0.5, by score (n_samples,); ``last`` if there is none."""
    reached = np.searchsorted(log_hazard + 1e-12, np.log(LOG_TWO) - score, side="left")
    return np.append(times, last)[reached]
