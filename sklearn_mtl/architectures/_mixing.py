"""Mixtures of experts: weighted sums, and load balance."""

from __future__ import annotations

import torch
from torch import Tensor

from ..trunks import Representation


def mix(gates: Tensor, experts: Representation) -> Representation:
    """Sum experts by the gates of each task and row, as one batched product.

    Parameters
    ----------
    gates : Tensor of shape (..., T, B, E)
    experts : Representation with sample (..., E, B, D)

    Returns
    -------
    Representation with sample (..., T, B, D)
    """
    by_row = gates.transpose(-3, -2)
    sample, token, mask = experts
    mixed = torch.matmul(by_row, sample.transpose(-3, -2)).transpose(-3, -2)
    if token is None:
        return Representation(mixed, None, mask)
    of_tokens = torch.matmul(by_row, token.transpose(-4, -3).flatten(-2))
    return Representation(mixed, of_tokens.unflatten(-1, token.shape[-2:]).transpose(-4, -3), mask)


def mix_own(gates: Tensor, experts: Representation) -> Representation:
    """Sum the private experts of each task.

    Parameters
    ----------
    gates : Tensor of shape (..., T, B, E)
    experts : Representation with sample (..., T * E, B, D)

    Returns
    -------
    Representation with sample (..., T, B, D)
    """
    shape = (gates.shape[-3], gates.shape[-1])
    weights = gates.transpose(-2, -1).unsqueeze(-1)
    sample, token, mask = experts
    mixed = (weights * sample.unflatten(-3, shape)).sum(dim=-3)
    if token is None:
        return Representation(mixed, None, mask)
    return Representation(mixed, (weights.unsqueeze(-1) * token.unflatten(-4, shape)).sum(dim=-4), mask)


def add(one: Representation, other: Representation) -> Representation:
    """Add representations of the same rows."""
    token = None if one.token is None or other.token is None else one.token + other.token
    return Representation(one.sample + other.sample, token, one.token_mask)


def beside(one: Representation, other: Representation) -> Representation:
    """Concatenate experts (..., E, B, D) along the expert axis."""
    sample = torch.cat([one.sample, other.sample], dim=-3)
    token = None
    if one.token is not None and other.token is not None:
        token = torch.cat([one.token, other.token], dim=-4)
    return Representation(sample, token, one.token_mask)


def imbalance(gates: Tensor) -> Tensor:
    r"""Compute how unevenly the experts are used over tasks and rows; 0 means evenly.

    It is the squared coefficient of variation of the importance of the experts,
    :math:`I_e = \sum_{t, b} g_{tbe}` (Shazeer et al., 2017).

    Parameters
    ----------
    gates : Tensor of shape (..., T, B, E)

    Returns
    -------
    Tensor of shape (...)
    """
    importance = gates.sum(dim=(-3, -2))
    # if no expert is used at all, because of top_k, the use is even
    total = importance.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(gates.dtype).tiny)
    return (importance / total).var(dim=-1, correction=0) * gates.shape[-1] ** 2
