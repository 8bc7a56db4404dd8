"""Losses and parameters that are no longer finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ..exceptions import DivergenceError


def diverged(losses: np.ndarray, names: Sequence[str], epoch: int) -> DivergenceError:
    """Make the error for losses (n_batches, T) of an epoch, one of which is not finite."""
    batch, task = np.argwhere(~np.isfinite(losses))[0]
    return DivergenceError(
        f"the loss of task {names[task]!r} became {losses[batch, task]} in epoch {epoch}, batch {batch + 1}; "
        "a smaller learning_rate or a clip_norm may help.",
        task=names[task],
        epoch=epoch,
        batch=int(batch) + 1,
    )


def refuse_non_finite(weights: Mapping[str, Tensor], epoch: int) -> None:
    """Raise DivergenceError if a parameter is not finite after some epochs."""
    for name, parameter in weights.items():
        if not bool(torch.isfinite(parameter).all()):
            raise DivergenceError(
                f"the parameter {name} is not finite after epoch {epoch}; a smaller learning_rate or a "
                "clip_norm may help.",
                epoch=epoch,
            )
