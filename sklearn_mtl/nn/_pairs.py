"""Some outputs of a linear layer: those of given pairs of a row and a column, and not the whole product."""

from __future__ import annotations

import warnings
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

# Numbers that are gathered at once where there is no kernel for sparse products.
_GATHERED = 2**24


class Pairs:
    """Pairs of a row and a column, sorted by row.

    Parameters
    ----------
    ends : Tensor of int of shape (n_rows + 1,)
        The pairs of row i are those from ``ends[i]`` to ``ends[i + 1]``.
    column : Tensor of int of shape (n_pairs,)
        Column of each pair.
    """

    def __init__(self, ends: Tensor, column: Tensor) -> None:
        self.ends, self.column = ends, column

    @property
    def n_rows(self) -> int:
        """Number of rows, also of those without a pair."""
        return len(self.ends) - 1

    def __len__(self) -> int:
        return len(self.column)

    @cached_property
    def row(self) -> Tensor:
        """Row of each pair, (n_pairs,)."""
        return torch.repeat_interleave(torch.arange(self.n_rows, device=self.ends.device), self.ends.diff())

    def by_column(self, n_columns: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the pairs sorted by column: the ends of the columns, the row of each pair, and its number."""
        numbers = (np.arange(len(self)), self.column.numpy(), self.ends.numpy())
        turned = sparse.csr_array(numbers, shape=(self.n_rows, n_columns)).tocsc()
        ends, rows, order = (torch.from_numpy(a) for a in (turned.indptr, turned.indices, turned.data))
        return ends.long(), rows.long(), order


def pair_outputs(x: Tensor, weight: Tensor, bias: Tensor, pairs: Pairs) -> Tensor:
    """Compute the elements of x W^T + b at some pairs, (..., n_pairs), without the others.

    Parameters
    ----------
    x : Tensor of shape (..., n_rows, in)
    weight : Tensor of shape (n_columns, in)
    bias : Tensor of shape (n_columns,)
    pairs : Pairs
    """
    products = _PairProducts.apply(x, weight, pairs)
    return products + bias.index_select(0, pairs.column)


class _PairProducts(torch.autograd.Function):
    """Scalar products of a row of x and a row of W, for each pair."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, pairs: Pairs) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.pairs = pairs
        if _has_kernels(x.device):
            # MKL needs one row or more, and one pair or more
            pattern = _matrix(pairs.ends, pairs.column, x.new_zeros(len(pairs)), len(weight))
            if len(pairs):
                return torch.sparse.sampled_addmm(pattern, x, weight.t(), beta=0.0).values()
            return x.new_zeros(0)
        size = max(1, _GATHERED // x.shape[1])
        parts = zip(pairs.row.split(size), pairs.column.split(size), strict=True)
        return torch.cat([(x.index_select(0, r) * weight.index_select(0, c)).sum(dim=1) for r, c in parts])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        pairs: Pairs = ctx.pairs
        by_x, by_weight, _ = ctx.needs_input_grad
        if not len(pairs):
            return torch.zeros_like(x) if by_x else None, torch.zeros_like(weight) if by_weight else None, None
        if _has_kernels(x.device):
            of_x = _matrix(pairs.ends, pairs.column, grad, len(weight)) @ weight if by_x else None
            of_weight = None
            if by_weight:
                ends, rows, order = pairs.by_column(len(weight))
                of_weight = _matrix(ends, rows, grad.index_select(0, order), len(x)) @ x
            return of_x, of_weight, None
        of_x, of_weight = torch.zeros_like(x), torch.zeros_like(weight)
        size = max(1, _GATHERED // x.shape[1])
        for r, c, g in zip(pairs.row.split(size), pairs.column.split(size), grad.split(size), strict=True):
            of_x.index_add_(0, r, weight.index_select(0, c) * g[:, None])
            of_weight.index_add_(0, c, x.index_select(0, r) * g[:, None])
        return of_x, of_weight, None


def _has_kernels(device: torch.device) -> bool:
    return device.type == "cpu" and torch.backends.mkl.is_available()


def _matrix(ends: Tensor, column: Tensor, values: Tensor, n_columns: int) -> Tensor:
    _silence()
    shape = (len(ends) - 1, n_columns)
    return torch.sparse_csr_tensor(ends, column, values.contiguous(), size=shape, check_invariants=False)


@cache
def _silence() -> None:
    """Let torch say now that its sparse tensors are new, which it says once in a process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ones = torch.ones(1, dtype=torch.int64)
        torch.sparse_csr_tensor(torch.tensor([0, 1]), ones - 1, ones, size=(1, 1))
