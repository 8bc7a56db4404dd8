"""Averages over the members of an ensemble."""

from __future__ import annotations

import numpy as np
from scipy.special import expit


def shares_of(weights: np.ndarray | None, n_members: int) -> np.ndarray:
    """Return the weights of the members as float64, equal ones for None."""
    return np.full(n_members, 1 / n_members) if weights is None else weights.astype(np.float64)


def mean_of_members(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Average over the first axis, in float64; the result has the dtype of the values.

    Members are added one after the other: a matrix product would add them in an order that depends on the row.

    Parameters
    ----------
    values : ndarray of shape (M, ...)
    weights : ndarray of shape (M,) or (M, ...), or None
        Of sum 1 over the first axis; None for equal ones.
    """
    total = np.zeros(values.shape[1:], dtype=np.float64)
    for share, of_member in zip(shares_of(weights, len(values)), values, strict=True):
        total += share * of_member.astype(np.float64)
    return total.astype(values.dtype)


def log_mean_of_members(logarithms: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Compute the logarithm of the average of values over the first axis of their logarithms."""
    largest = logarithms.max(axis=0)
    shift = np.where(np.isfinite(largest), largest, 0).astype(np.float64)
    with np.errstate(divide="ignore"):  # an average of 0 has the logarithm -inf
        return (np.log(mean_of_members(np.exp(logarithms - shift), weights)) + shift).astype(logarithms.dtype)


def logit_of_mean(outputs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Compute the logit of the mean probability over the first axis of logits.

    Each step is monotone, so rounding does not change the order of the means of ordered logits.
    """
    logits = np.clip(outputs.astype(np.float64), -700, 700)  # beyond these a probability is 0 or 1
    positive, negative = (mean_of_members(expit(signed), weights) for signed in (logits, -logits))
    return (np.log(positive) - np.log(negative)).astype(outputs.dtype)
