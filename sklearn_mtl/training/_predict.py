"""Prediction: the network in evaluation mode, chunk by chunk, safe from many threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..architectures import Network
from ._data import take

# Rows per chunk: large enough for the products, small enough for the cache.
CHUNK = 2048


def predict_outputs(
    network: Network,
    inputs: Mapping[str, Any],
    tasks: Sequence[str],
    device: torch.device,
    rows: Tensor | None = None,
) -> dict[str, Tensor]:
    """Compute the outputs of some tasks, on the CPU.

    Parameters
    ----------
    network : Network
        In evaluation mode; it is not written to.
    inputs : mapping of str to Tensor or SparseRows
        Encoded inputs.
    tasks : sequence of str
        Tasks to run.
    device : torch.device
        Where the network is.
    rows : Tensor of int or None, default=None
        Rows to predict for; None for all.
    """
    return _by_chunks(lambda batch: network(batch, tasks), inputs, device, rows)


def predict_representation(network: Network, inputs: Mapping[str, Any], device: torch.device) -> Tensor:
    """Compute the representation (n_samples, D) that the tasks share, on the CPU."""
    return _by_chunks(lambda batch: {"sample": network.represent(batch).sample}, inputs, device)["sample"]


def predict_gates(
    network: Network, inputs: Mapping[str, Any], tasks: Sequence[str], device: torch.device
) -> dict[str, Tensor]:
    """Compute how much each row takes from each expert, (n_samples, n_weights) by task, on the CPU."""
    return _by_chunks(lambda batch: network.gate_weights(batch, tasks), inputs, device)


@torch.inference_mode()
def _by_chunks(
    compute: Callable[[dict[str, Tensor]], dict[str, Tensor]],
    inputs: Mapping[str, Any],
    device: torch.device,
    rows: Tensor | None = None,
) -> dict[str, Tensor]:
    n_rows = len(next(iter(inputs.values()))) if rows is None else len(rows)
    results: dict[str, Tensor] = {}
    for start in range(0, n_rows, CHUNK):
        chunk = slice(start, start + CHUNK)
        picked = chunk if rows is None else rows[chunk]
        part = compute({name: take(values, picked, device) for name, values in inputs.items()})
        if n_rows <= CHUNK:
            return {name: output.cpu() for name, output in part.items()}
        for name, output in part.items():
            if name not in results:
                results[name] = output.new_empty((*output.shape[:-2], n_rows, output.shape[-1]), device="cpu")
            results[name][..., chunk, :] = output
    return results
