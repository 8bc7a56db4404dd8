"""Pareto front and hypervolume of task scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def non_dominated(scores: ArrayLike) -> np.ndarray:
    """Find the candidates on the Pareto front: no other is at least as good on every task and better on one.

    Parameters
    ----------
    scores : array-like of shape (n_candidates, n_tasks)
        Greater is better. Candidates with a NaN are ignored and not on the front.

    Returns
    -------
    ndarray of bool of shape (n_candidates,)
        True on the front. Of candidates that are equal on every task, all or none are on the front.

    Examples
    --------
    >>> from sklearn_mtl.model_selection import non_dominated
    >>> non_dominated([[0.9, 0.1], [0.5, 0.5], [0.4, 0.5], [0.1, 0.9]])
    array([ True,  True, False,  True])
    """
    scores = _check_scores(scores)
    on_front = ~np.isnan(scores).any(axis=1)
    for candidate in np.flatnonzero(on_front):
        rivals = scores[on_front]
        matched = (rivals >= scores[candidate]).all(axis=1)
        on_front[candidate] = not (rivals[matched] > scores[candidate]).any()
    return on_front


def hypervolume(scores: ArrayLike, reference: ArrayLike) -> float:
    """Compute the volume between a reference and the candidates that are better in every task.

    The volume is exact: it is computed in slices along the last task, recursively over the other tasks [1]_. It is
    meant for few tasks: two take O(n log n), and each further task multiplies this by the number of candidates on
    the front.

    Parameters
    ----------
    scores : array-like of shape (n_candidates, n_tasks)
        Greater is better. Candidates with a NaN are left out.
    reference : array-like of shape (n_tasks,)
        Lower bound of the score of each task.

    Returns
    -------
    float
        0 if no candidate is better than the reference in every task.

    References
    ----------
    .. [1] While, Hingston, Barone and Huband, "A Faster Algorithm for Calculating Hypervolume", IEEE
       Transactions on Evolutionary Computation, 2006.

    Examples
    --------
    >>> from sklearn_mtl.model_selection import hypervolume
    >>> hypervolume([[3.0, 1.0], [1.0, 2.0]], reference=[0.0, 0.0])
    4.0
    """
    scores = _check_scores(scores)
    corner = np.asarray(reference, dtype=np.float64)
    if corner.shape != scores.shape[1:] or not np.isfinite(corner).all():
        raise ValueError(
            f"reference={reference!r} should be one finite number for each of the {scores.shape[1]} tasks."
        )
    gains = scores - corner
    return _volume(gains[(gains > 0).all(axis=1)])


def _check_scores(scores: ArrayLike) -> np.ndarray:
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim != 2 or not array.shape[1]:
        raise ValueError(
            f"scores should be of shape (n_candidates, n_tasks), got an array of shape {array.shape} instead."
        )
    return array


def _volume(gains: np.ndarray) -> float:
    """Compute the volume of the union of the boxes from 0 to each row."""
    n_rows, n_tasks = gains.shape
    if not n_rows:
        return 0.0
    if n_tasks == 1:
        return float(gains.max())
    if n_tasks == 2:
        return _area(gains)
    gains = gains[non_dominated(gains)]
    gains = gains[np.argsort(-gains[:, -1])]
    heights = -np.diff(gains[:, -1], append=0.0)
    slices = (_volume(gains[: row + 1, :-1]) * height for row, height in enumerate(heights) if height > 0)
    return float(sum(slices))


def _area(gains: np.ndarray) -> float:
    """Compute the area under the staircase of the rows."""
    gains = gains[np.argsort(-gains[:, 0])]
    tops = np.maximum.accumulate(gains[:, 1])
    return float(np.sum(gains[:, 0] * np.diff(tops, prepend=0.0)))
