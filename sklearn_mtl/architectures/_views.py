"""Views of tasks on the representation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..nn._layers import at_positions
from ..trunks import Representation


class Views(NamedTuple):
    """Inputs of the heads of some tasks.

    Parameters
    ----------
    names : tuple of str or None
        Tasks in the order of the task axis; None if all tasks share the representation.
    representation : Representation
        With sample (..., B, D), or (..., T, B, D) if every task has a separate view.
    penalty : Tensor of shape (...) or None, default=None
        Term that the architecture adds to the objective.
    shared : tuple of Tensor, default=()
        Last tensors that more than one task reads, where the gradients of tasks are compared.
    """

    names: tuple[str, ...] | None
    representation: Representation
    penalty: Tensor | None = None
    shared: tuple[Tensor, ...] = ()

    def of(self, names: Sequence[str]) -> Representation:
        """Return the views of some tasks, in their order; the shared representation if there is no task axis."""
        if self.names is None or list(names) == list(self.names):
            return self.representation
        return entries_of(self.representation, torch.tensor([self.names.index(name) for name in names]))

    def of_one(self, name: str) -> Representation:
        """Return the view of one task, without a task axis."""
        if self.names is None:
            return self.representation
        position = self.names.index(name)
        sample, token, mask = self.representation
        return Representation(
            sample.select(-3, position), None if token is None else token.select(-4, position), mask
        )

    def by_task(self, names: Sequence[str]) -> Views:
        """Return separate views for all tasks, even if they share the representation."""
        sample, token, mask = self.of(names)
        if self.names is None:
            n_tasks = len(names)
            sample = sample.unsqueeze(-3).expand(*sample.shape[:-2], n_tasks, *sample.shape[-2:])
            if token is not None:
                token = token.unsqueeze(-4).expand(*token.shape[:-3], n_tasks, *token.shape[-3:])
        return self._replace(names=tuple(names), representation=Representation(sample, token, mask))

    def map(self, function: Callable[[Tensor], Tensor]) -> Views:
        """Apply a map of vectors (..., N, D) to all rows, and to all tokens."""
        return self._replace(representation=map_vectors(self.representation, function))


def tensors_of(representation: Representation) -> tuple[Tensor, ...]:
    """Return the tensors of rows and of tokens of a representation."""
    return tuple(tensor for tensor in representation[:2] if tensor is not None)


def entries_of(representation: Representation, chosen: Tensor) -> Representation:
    """Return the chosen entries of the axis of a representation with sample (..., E, B, D)."""
    sample, token, mask = representation
    chosen = chosen.to(sample.device)
    return Representation(
        sample.index_select(-3, chosen), None if token is None else token.index_select(-4, chosen), mask
    )


def map_vectors(representation: Representation, function: Callable[[Tensor], Tensor]) -> Representation:
    """Apply a map of vectors (..., N, D) to all rows of a representation, and to all of its tokens."""
    sample, token, mask = representation
    if token is not None:
        token = at_positions(function, token)
    return Representation(function(sample), token, mask)


def side_by_side(representation: Representation) -> Representation:
    """Concatenate the representations along an axis, (..., E, B, D), to (..., B, E * D)."""
    sample, token, mask = representation
    return Representation(
        sample.transpose(-3, -2).flatten(-2),
        None if token is None else token.movedim(-4, -2).flatten(-2),
        mask,
    )


def join(*parts: Representation) -> Representation:
    """Concatenate representations of the same rows along their width."""
    axes = torch.broadcast_shapes(*(part.sample.shape[:-1] for part in parts))
    sample = torch.cat([part.sample.expand(*axes, -1) for part in parts], dim=-1)
    if any(part.token is None for part in parts):
        return Representation(sample, None, parts[0].token_mask)
    tokens = [part.token for part in parts if part.token is not None]
    axes = torch.broadcast_shapes(*(token.shape[:-1] for token in tokens))
    token = torch.cat([token.expand(*axes, -1) for token in tokens], dim=-1)
    return Representation(sample, token, parts[0].token_mask)


def append(representation: Representation, vectors: Tensor) -> Representation:
    """Append a vector (..., B, V) to each row, and to each of its tokens."""
    token = representation.token
    if token is None:
        return join(representation, Representation(vectors))
    of_tokens = vectors.unsqueeze(-2).expand(*vectors.shape[:-1], token.shape[-2], -1)
    return join(representation, Representation(vectors, of_tokens))
