"""Losses of the user's own: a function of outputs and targets, checked once in fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

#: what the user passes: (output, target) -> loss of each element
Loss = Callable[[Tensor, Tensor], Tensor]

# Rows of targets that a loss is tried on, and stacked networks that share them.
PROBED, MEMBERS = 24, 3


def apply_loss(loss: Loss, output: Tensor, target: Tensor, at_once: bool) -> Tensor:
    """Compute the loss of each element, for all members at once or one after the other.

    Parameters
    ----------
    loss : callable
    output : Tensor of shape (..., B, K)
    target : Tensor of shape (..., B, C)
        Leading axes may be fewer than those of the outputs.
    at_once : bool
        Whether the function takes leading axes of members, as `check_loss` found.
    """
    target = target.expand(*output.shape[:-2], *target.shape[-2:])
    if at_once or output.dim() == 2:
        return loss(output, target)
    members = output.shape[:-2]
    pairs = zip(output.flatten(0, -3), target.flatten(0, -3), strict=True)
    found = torch.stack([loss(*pair) for pair in pairs])
    return found.unflatten(0, members)


def spread(rows: np.ndarray) -> np.ndarray:
    """Choose rows for `check_loss`, evenly over all."""
    return rows[np.linspace(0, len(rows) - 1, PROBED).astype(int)]


def check_loss(loss: Loss, n_outputs: int, n_elements: int, target: np.ndarray) -> bool:
    """Try a loss on random outputs and some targets of fit.

    Parameters
    ----------
    loss : callable
    n_outputs, n_elements : int
        K and C.
    target : ndarray of shape (n_samples, C)
        Encoded targets of labelled rows.

    Returns
    -------
    bool
        Whether it takes leading axes of members: outputs (M, B, K) give the losses and gradients of each member.

    Raises
    ------
    ValueError
        If it fails, or its result or gradient is not finite or has another shape.
    TypeError
        If it does not return a tensor.
    """
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(MEMBERS, PROBED // MEMBERS, n_outputs, generator=generator)
    some = torch.from_numpy(np.resize(target, (PROBED, *target.shape[1:])))
    some = some.to(outputs.dtype) if some.is_floating_point() else some
    targets = some.unflatten(0, outputs.shape[:2])
    alone = [_tried(loss, *pair, n_elements) for pair in zip(outputs, targets, strict=True)]
    try:
        together = _tried(loss, outputs, targets, n_elements)
    except (TypeError, ValueError):
        return False
    pairs = zip(together, map(torch.stack, zip(*alone, strict=True)), strict=True)
    return all(torch.allclose(one, other, rtol=1e-4, atol=1e-6) for one, other in pairs)


def _tried(loss: Loss, output: Tensor, target: Tensor, n_elements: int) -> tuple[Tensor, Tensor]:
    """Return losses and the gradient of their sum; raise errors that say what is wrong with the function."""
    output = output.clone().requires_grad_()
    given = f"outputs of shape {tuple(output.shape)} and targets of shape {tuple(target.shape)}"
    try:
        with torch.enable_grad():
            found = loss(output, target)
    except Exception as error:  # foreign code raises what it likes
        raise ValueError(f"loss={loss!r} failed for {given}: {type(error).__name__}: {error}") from error
    if not isinstance(found, Tensor):
        raise TypeError(
            f"loss={loss!r} returned {type(found).__name__}, expected a tensor with the loss of each element"
        )
    expected = (*output.shape[:-1], n_elements)
    if tuple(found.shape) != expected:
        raise ValueError(
            f"loss={loss!r} returned shape {tuple(found.shape)}, expected the loss of each element, {expected}, "
            f"for {given}; losses of torch need reduction='none'"
        )
    if not found.requires_grad:
        raise ValueError(f"loss={loss!r} returned losses that do not depend on the outputs by operations of torch")
    (gradient,) = torch.autograd.grad(found.sum(), output)
    for what, values in (("losses", found), ("gradients", gradient)):
        if not torch.isfinite(values).all():
            raise ValueError(f"loss={loss!r} has {what} that are NaN or infinite, for {given}")
    return found.detach(), gradient
