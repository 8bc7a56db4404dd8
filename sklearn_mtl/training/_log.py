"""Losses of an epoch, read from the device at once, and their entries in the history."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from ..model._objective import Step


def read_losses(log: Sequence[Step], sizes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Read the losses of an epoch, once.

    Parameters
    ----------
    log : sequence of Step
        One per batch.
    sizes : sequence of int
        Rows of each batch.

    Returns
    -------
    losses : ndarray of shape (n_batches, ..., T)
        Of each batch.
    means : ndarray of shape (..., T)
        Mean over the labelled elements of the epoch; NaN for a task without any.
    """
    losses = torch.stack([entry.losses for entry in log]).double().cpu().numpy()
    if any(entry.mass is not None for entry in log):
        known = zip(log, sizes, strict=True)
        masses = [torch.full_like(one.losses, rows) if one.mass is None else one.mass for one, rows in known]
        mass = torch.stack(masses).double().cpu().numpy()
    else:
        rows = np.array(sizes, dtype=float).reshape((-1,) + (1,) * (losses.ndim - 1))
        mass = np.broadcast_to(rows, losses.shape)
    total = mass.sum(axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        summed = (losses * mass).sum(axis=0)
    return losses, np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0)


def record(
    prefix: str,
    what: str,
    names: Sequence[str],
    values: np.ndarray,
    score_weights: Sequence[float],
    watched: Sequence[bool],
) -> dict[str, float]:
    """Return the entries of the history for values by task, and the mean of watched ones under score weights."""
    entries = {f"{prefix}_{what}__{name}": float(value) for name, value in zip(names, values, strict=True)}
    weights = np.where(np.isnan(values), 0.0, score_weights)
    if not weights.any():  # the tasks with a score weight are not trained, or have no label here
        weights = (~np.isnan(values) & watched).astype(float)
    mean = float(np.average(np.nan_to_num(values), weights=weights)) if weights.any() else math.nan
    return {**entries, f"{prefix}_{what}": mean}


def mean_entries(entries: Sequence[dict[str, float]]) -> dict[str, float]:
    """Average the entries of the history of several members, leaving out NaN."""
    means = {}
    for name in entries[0]:
        values = np.array([entry[name] for entry in entries], dtype=float)
        known = values[~np.isnan(values)]
        means[name] = float(known.mean()) if len(known) else math.nan
    return means


def progress_in(entries: Iterable[dict[str, Any]], names: Sequence[str]) -> np.ndarray:
    """Return the last known training loss of each task over its first one."""
    entries = list(entries)
    ratios = []
    for name in names:
        losses = [epoch.get(f"train_loss__{name}", np.nan) for epoch in entries]
        known = [loss for loss in losses if np.isfinite(loss)]
        ratios.append(known[-1] / known[0] if known and known[0] > 0 else 1.0)
    return np.array(ratios)
