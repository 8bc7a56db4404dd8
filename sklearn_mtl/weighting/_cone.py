"""What the gradients of tasks span, from their Gram matrix: lengths, and coordinates of unit length."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls
from torch import Tensor

# Gradients of length 1 that depend on each other are taken to differ by this much.
SMALLEST = 1e-9


class UnitGradients(NamedTuple):
    """Gradients of T tasks in T coordinates, as lengths times vectors of length 1.

    Problems are solved for the vectors: lengths that differ by many orders of magnitude then do no harm.

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
        """Take apart a Gram matrix (T, T) with a positive diagonal."""
        lengths, cosines = lengths_and_cosines(gramian)
        values, rotation = np.linalg.eigh(cosines)
        # What is rounding of 0, in single precision often below it, is no direction, but a little of one keeps
        # gradients that cancel from being added a million times for the rounding that they leave.
        values[values < len(values) * np.finfo(values.dtype).eps * values[-1]] = SMALLEST**2
        return cls(lengths, np.sqrt(values)[:, None] * rotation.T)


def lengths_and_cosines(gramian: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Give the lengths (T,) of gradients and the cosines (T, T) between them."""
    products = gramian.numpy()
    lengths = np.sqrt(products.diagonal())
    return lengths, products / lengths[:, None] / lengths


def nonnegative_least_squares(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Give the x >= 0 that makes the length of ``matrix @ x - vector`` smallest."""
    solution: np.ndarray = nnls(matrix, vector, maxiter=30 * matrix.shape[1])[0]
    return solution
