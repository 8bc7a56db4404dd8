"""Averages over networks in torch, as `sklearn_mtl.tasks` computes them in numpy."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_of(values: Tensor, weights: Tensor) -> Tensor:
    """Average values (M, ..., K) with weights (M,) in float64; the result has the dtype of the values."""
    total = (values.double() * weights.view(-1, *(1,) * (values.dim() - 1))).sum(dim=0)
    return total.to(values.dtype)


def log_mean_of(logarithms: Tensor, weights: Tensor) -> Tensor:
    """Compute the logarithm of the average of values over the first axis of their logarithms."""
    exact = logarithms.double()
    shift = exact.amax(dim=0)
    shift = torch.where(shift.isfinite(), shift, 0.0)
    return (mean_of(torch.exp(exact - shift), weights).log() + shift).to(logarithms.dtype)


def logit_of(outputs: Tensor, weights: Tensor) -> Tensor:
    """Compute the logit of the mean probability over the first axis of logits."""
    logits = outputs.double().clamp(-700, 700)  # beyond these a probability is 0 or 1
    positive, negative = (mean_of(torch.sigmoid(signed), weights) for signed in (logits, -logits))
    return (positive.log() - negative.log()).to(outputs.dtype)
