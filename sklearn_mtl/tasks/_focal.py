"""The focal loss, which reduces the weight of easy examples."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, logsigmoid


def focal_loss(output: Tensor, target: Tensor, gamma: float | Tensor) -> Tensor:
    r"""Compute :math:`-\sum_k q_k (1 - p_k)^\gamma \log p_k` with p the softmax of the logits.

    For a single class this is the focal loss of Lin et al. [1]_; for a distribution q, it is the mean under q.
    With :math:`\gamma = 0` it is the cross-entropy.

    Parameters
    ----------
    output : Tensor of shape (..., K)
        Logits.
    target : Tensor of int of shape (...,), or of float of shape (..., K)
        Classes, or probabilities of all classes. Leading axes may be fewer than those of the logits.
    gamma : float or Tensor of shape (M, 1, 1)
        Exponent; a tensor has one value for each member.

    Returns
    -------
    Tensor of shape (..., 1)

    References
    ----------
    .. [1] Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.
    """
    log_p = log_softmax(output, dim=-1)
    if target.is_floating_point():
        return (target * _modulated(log_p, gamma)).sum(dim=-1, keepdim=True)
    picked = log_p.gather(-1, target.expand(output.shape[:-1]).unsqueeze(-1))
    return _modulated(picked, gamma)


def binary_focal_loss(output: Tensor, target: Tensor, gamma: float | Tensor) -> Tensor:
    """Compute the binary focal loss of each logit.

    Parameters
    ----------
    output : Tensor of shape (..., C)
        Logits.
    target : Tensor of shape (..., C)
        Probabilities of 1; leading axes may be fewer than those of the logits.
    gamma : float or Tensor of shape (M, 1, 1)
        As in `focal_loss`.

    Returns
    -------
    Tensor of shape (..., C)
    """
    one, zero = _modulated(logsigmoid(output), gamma), _modulated(logsigmoid(-output), gamma)
    return target * one + (1 - target) * zero


def _modulated(log_p: Tensor, gamma: float | Tensor) -> Tensor:
    # a power below 1 has an infinite gradient at 0, which rounding can reach
    rest = (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny)
    return -log_p * rest**gamma
