"""Scaling, ranks and bins of numeric columns.

Numbers are placed in float64 before the conversion to the network's dtype: a column is shifted so that a middle
value becomes 0, and divided by its deviation. So the conversion loses no relevant digits, for any offset and unit
of the column. Learned statistics are placed in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix, issparse
from sklearn.utils.sparsefuncs import min_max_axis
from torch import Tensor, nn

# Bound of standardised numbers after "squash".
LARGEST = 3.0
# A number whose square is finite in single precision; "squash" maps all larger numbers to the same value.
SQUARABLE = 1e9
# The smallest bin width, whose inverse is finite in single precision.
NARROWEST = 1e-30
# Knots of the empirical distribution function of a column, and the maximum number of rows to learn them from.
N_KNOTS = 256
MOST_ROWS = 100_000
# Numbers that are read at once, to limit the memory of copies.
BLOCK = 2**20


class Place(NamedTuple):
    """Offset and unit of columns: ``middle`` is mapped to 0, and ``middle + unit`` to 1.

    Parameters
    ----------
    middle, unit : ndarray of float64 of shape (n_columns,)
    """

    middle: np.ndarray
    unit: np.ndarray

    def moved(self, values: np.ndarray) -> np.ndarray:
        """Place values of the columns, (n_columns,) or (n_columns, k)."""
        axes = (slice(None),) + (None,) * (values.ndim - 1)
        with np.errstate(over="ignore"):  # a damaged file may hold any numbers
            return np.asarray((values - self.middle[axes]) / self.unit[axes])


class Scaler(nn.Module):
    r"""Standardise columns: :math:`z = (x - \mu) / \sigma`, smoothly clipped to :math:`z / \sqrt{1 + (z / 3)^2}`.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_columns,)
        Output of `fit_scaler`.
    squashed : bool
        Whether to clip.
    """

    mean: Tensor
    inverse_scale: Tensor

    def __init__(self, mean: np.ndarray, scale: np.ndarray, squashed: bool) -> None:
        super().__init__()
        self.squashed = squashed
        # a copy, because loading weights writes to buffers, and learned arrays may be memory-mapped files
        self.register_buffer("mean", torch.from_numpy(np.array(mean)))
        self.register_buffer("inverse_scale", torch.from_numpy(1 / scale))

    def forward(self, numbers: Tensor) -> Tensor:
        z = (numbers - self.mean.unsqueeze(-2)).mul_(self.inverse_scale.unsqueeze(-2))
        if not self.squashed:
            return z
        if z.requires_grad:  # of gradients of inputs, which need the numbers that are overwritten below
            return z * torch.rsqrt((z.clamp(-SQUARABLE, SQUARABLE) / LARGEST).square() + 1)
        z.clamp_(-SQUARABLE, SQUARABLE)
        return (z / LARGEST).square_().add_(1).rsqrt_().mul_(z)


class Ranks(nn.Module):
    """Map columns through their empirical distribution function, scaled to mean 0 and deviation 1.

    Between knots it is linear; beyond the smallest and largest value it is constant.

    Parameters
    ----------
    knots, ranks : ndarray of shape (n_columns, n_knots)
        Output of `fit_ranks`.
    """

    knots: Tensor
    ranks: Tensor

    def __init__(self, knots: np.ndarray, ranks: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("knots", torch.from_numpy(np.array(knots)))
        # a uniform variable on (0, 1) has the deviation 1 / sqrt(12)
        self.register_buffer("ranks", torch.from_numpy((ranks - 0.5) * np.sqrt(12)))

    def forward(self, numbers: Tensor) -> Tensor:
        columns = numbers.transpose(-1, -2).expand(*self.knots.shape[:-1], -1).contiguous()
        right = torch.searchsorted(self.knots, columns).clamp(1, self.knots.shape[-1] - 1)
        left = right - 1
        start, end = self.knots.gather(-1, left), self.knots.gather(-1, right)
        # knots that repeat the last one have distance 0
        share = ((columns - start) / (end - start).clamp(min=torch.finfo(columns.dtype).tiny)).clamp(0, 1)
        ranks = torch.lerp(self.ranks.gather(-1, left), self.ranks.gather(-1, right), share)
        return ranks.transpose(-1, -2)


class PiecewiseLinear(nn.Module):
    r"""Encode columns piecewise linearly: entry t is the position of x within bin t, from 0 to 1.

    .. math:: e_t = \min(\max((x - b_t) / (b_{t+1} - b_t), 0), 1)

    Parameters
    ----------
    edges : ndarray of shape (n_columns, n_bins + 1)
        Output of `fit_bins`; a bin without width is 0 everywhere.
    """

    starts: Tensor
    inverse_widths: Tensor

    def __init__(self, edges: np.ndarray) -> None:
        super().__init__()
        widths = np.diff(edges)
        # bins without width start above all numbers
        starts = np.where(widths > 0, edges[:, :-1], np.finfo(np.float32).max)
        inverse = 1 / np.where(widths > 0, widths, 1).clip(NARROWEST)
        self.register_buffer("starts", torch.from_numpy(starts))
        self.register_buffer("inverse_widths", torch.from_numpy(inverse))

    def forward(self, numbers: Tensor) -> Tensor:
        inside = numbers.unsqueeze(-1) - self.starts.unsqueeze(-3)
        return inside.mul_(self.inverse_widths.unsqueeze(-3)).clamp_(0, 1).flatten(-2)


def fit_place(X: np.ndarray | csr_matrix, scale: np.ndarray, sample_weight: np.ndarray | None) -> Place:
    """Learn the place of columns: the middle value in sorted order becomes 0, and ``scale`` becomes 1.

    The columns of a sparse matrix are not shifted, so that absent entries stay 0.
    """
    if issparse(X):
        return Place(np.zeros(X.shape[1]), scale)
    rows = X if sample_weight is None or sample_weight.all() else X[sample_weight > 0]
    rows = rows[:: -(-len(rows) // MOST_ROWS)]
    return Place(np.partition(rows, len(rows) // 2, axis=0)[len(rows) // 2].astype(np.float64), scale)


def place_numbers(X: np.ndarray, place: Place, dtype: np.dtype) -> np.ndarray:
    """Place columns in float64, block by block, and cast the result; numpy warns if numbers become infinite."""
    if X.size <= BLOCK:
        return ((X - place.middle) / place.unit).astype(dtype, order="C")
    placed = np.empty(X.shape, dtype)
    for rows in _blocks(*X.shape):
        block = X[rows] - place.middle
        block /= place.unit
        placed[rows] = block
    return placed


def lost_columns(X: np.ndarray, place: Place, dtype: np.dtype) -> np.ndarray:
    """Return the columns in which most numbers become equal in a dtype, because others are too large."""
    distances = np.abs(X[:: -(-len(X) // MOST_ROWS)] - place.middle)
    others = distances > 0
    lost = others & (distances / place.unit < np.finfo(dtype).tiny)
    return np.flatnonzero(2 * lost.sum(axis=0) > others.sum(axis=0))


def place_sparse(X: csr_matrix, unit: np.ndarray, dtype: np.dtype) -> csr_matrix:
    """Divide the columns of a sparse matrix in float64, and cast the result."""
    with np.errstate(over="ignore"):
        data = (X.data / unit[X.indices]).astype(dtype)
    return csr_matrix((data, X.indices, X.indptr), shape=X.shape)


def fit_scaler(X: np.ndarray | csr_matrix, sample_weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Learn mean and standard deviation of the columns; the deviation of a constant column is 1.

    They are accurate for any offset and unit: differences are taken from a value of the column, relative to the
    largest difference. The mean of a sparse matrix is 0, so that absent entries stay 0.
    """
    if sample_weight is not None and not sample_weight.all():
        X, sample_weight = X[sample_weight > 0], sample_weight[sample_weight > 0]
    if issparse(X):
        return np.zeros(X.shape[1]), _scale_of_sparse(X, sample_weight)
    weight = np.ones(len(X)) if sample_weight is None else sample_weight / sample_weight.max()
    first = X[0].astype(np.float64)
    largest, mean, variance = np.zeros((3, X.shape[1]))
    with np.errstate(over="ignore"):
        for block, _ in _deviations(X, first, weight):
            np.maximum(largest, np.abs(block, out=block).max(axis=0), out=largest)
    if not np.isfinite(largest).all():
        raise ValueError("the range of a column of X is too large for float64.")
    unit = np.where(largest > 0, largest, 1.0)
    for block, of_rows in _deviations(X, first, weight):
        block /= unit
        mean += np.einsum("i,ij->j", of_rows, block)
    mean /= weight.sum()
    for block, of_rows in _deviations(X, first, weight):
        block /= unit
        block -= mean
        variance += np.einsum("i,ij->j", of_rows, np.square(block, out=block))
    scale = np.sqrt(variance / weight.sum()) * unit
    return first + mean * unit, np.where(scale > 0, scale, unit)


def _deviations(X: np.ndarray, first: np.ndarray, weight: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    # rows in a fixed memory order, so that sums are rounded equally for all arrays of the same numbers
    for rows in _blocks(*X.shape):
        yield np.subtract(X[rows], first, order="C", dtype=np.float64), weight[rows]


def _scale_of_sparse(X: csr_matrix, sample_weight: np.ndarray | None) -> np.ndarray:
    n_rows, n_columns = X.shape
    weight = np.ones(n_rows) if sample_weight is None else sample_weight / sample_weight.max()
    of_entries, columns, total = np.repeat(weight, np.diff(X.indptr)), X.indices, weight.sum()
    smallest, largest = (found.astype(np.float64) for found in min_max_axis(X, axis=0))
    unit = np.maximum(np.abs(smallest), np.abs(largest))
    unit[unit == 0] = 1.0
    shares = X.data / unit[columns]
    mean = np.bincount(columns, of_entries * shares, n_columns) / total
    squares = np.bincount(columns, of_entries * (shares - mean[columns]) ** 2, n_columns)
    absent = np.maximum(total - np.bincount(columns, of_entries, n_columns), 0)
    scale = np.sqrt((squares + absent * mean**2) / total) * unit
    return np.where((smallest < largest) & (scale > 0), scale, 1.0)


def _blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    step = max(1, BLOCK // max(n_columns, 1))
    return (slice(start, start + step) for start in range(0, n_rows, step))


def fit_bins(X: np.ndarray, n_bins: int, sample_weight: np.ndarray | None) -> np.ndarray:
    """Learn the edges of bins with about as many rows in each, (n_columns, n_bins + 1).

    A value that occurs so often that it would fill several bins counts as one bin, so that the other values are
    resolved. If there are fewer values than bins, the remaining bins have no width.
    """
    step = -(-len(X) // MOST_ROWS)
    weights = np.ones(len(X[::step])) if sample_weight is None else sample_weight[::step]
    edges = [np.unique(_quantiles(values, weights, n_bins)) for values in X[::step].T]
    padded = [np.pad(found, (0, n_bins + 1 - len(found)), mode="edge") for found in edges]
    return np.array(padded, dtype=np.float64)


def _quantiles(column: np.ndarray, sample_weight: np.ndarray, n_bins: int) -> np.ndarray:
    values, of_row = np.unique(column[sample_weight > 0], return_inverse=True)
    mass = np.bincount(of_row, weights=sample_weight[sample_weight > 0])
    for _ in range(n_bins):  # reducing one value makes the bins smaller, so another value may then be too frequent
        mass = np.minimum(mass, mass.sum() / n_bins)
    return np.quantile(values, np.linspace(0, 1, n_bins + 1), method="inverted_cdf", weights=mass)


def fit_ranks(X: np.ndarray, sample_weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Learn the empirical distribution functions of the columns: values and ranks at the knots.

    Knots with equal values are merged, with the mean of their ranks.
    """
    step = -(-len(X) // MOST_ROWS)
    X = X[::step]
    sample_weight = None if sample_weight is None else sample_weight[::step]
    shares = np.linspace(0, 1, N_KNOTS)
    quantiles = np.quantile(X, shares, axis=0, method="inverted_cdf", weights=sample_weight)
    knots, ranks = np.empty((X.shape[1], N_KNOTS)), np.empty((X.shape[1], N_KNOTS))
    for column, values in enumerate(quantiles.T):
        unique, position, count = np.unique(values, return_inverse=True, return_counts=True)
        mean_rank = np.bincount(position, weights=shares) / count
        knots[column] = np.pad(unique, (0, N_KNOTS - len(unique)), mode="edge")
        ranks[column] = np.pad(mean_rank, (0, N_KNOTS - len(unique)), mode="edge")
    return knots, ranks
