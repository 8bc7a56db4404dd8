"""Lengths and unit vectors of the tasks' gradients, from their Gram matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls
from torch import Tensor

# Linearly dependent gradients of length 1 are treated as if they differed by this much.
SMALLEST = 1e-9


class UnitGradients(NamedTuple):
    """Gradients of T tasks in T coordinates, as lengths times vectors of length 1.

    Problems are solved for the vectors, so lengths that differ by many orders of magnitude do no harm.

    Parameters
    ----------
    lengths : ndarray of shape (T,)
    vectors : ndarray of shape (T, T)
        One column for each task; their scalar products are the cosines of the gradients.
    """

    lengths: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, gramian: Tensor) -> UnitGradients:
        """Compute them from a Gram matrix (T, T) with a positive diagonal."""
        lengths, cosines = lengths_and_cosines(gramian)
        values, rotation = np.linalg.eigh(cosines)
        # Eigenvalues that are rounding errors of 0 may be negative in single precision. A small positive value
        # keeps gradients that cancel from getting huge weights for the rounding error that is left.
        values[values < len(values) * np.finfo(values.dtype).eps * values[-1]] = SMALLEST**2
        return cls(lengths, np.sqrt(values)[:, None] * rotation.T)


def lengths_and_cosines(gramian: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the lengths (T,) of the gradients and the cosines (T, T) between them."""
    products = gramian.numpy()
    lengths = np.sqrt(products.diagonal())
    return lengths, products / lengths[:, None] / lengths


def nonnegative_least_squares(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return the x >= 0 that minimises the norm of ``matrix @ x - vector``."""
    solution: np.ndarray = nnls(matrix, vector, maxiter=30 * matrix.shape[1])[0]
    return solution
