"""Groups of tasks with the greatest predicted gains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# With more tasks, groups are merged greedily: the exact search grows with 3 to the power of their number.
MOST_EXACT = 12


def best_groups(affinity: np.ndarray, n_groups: int) -> list[tuple[list[int], list[int]]]:
    """Divide tasks into groups with the greatest sum of gains.

    The gain of a task is the sum of what the other tasks of its group add to it. Each task is in one group. A
    group may train further tasks, as auxiliary ones: those that add more to its tasks, in the mean, than the mean
    size of all affinities, so that noise adds few.

    Parameters
    ----------
    affinity : ndarray of shape (T, T)
        Row i says what helps task i; the diagonal is ignored.
    n_groups : int
        Maximum number of groups.

    Returns
    -------
    list of (list of int, list of int)
        The tasks that a group predicts, and its auxiliary tasks. Of equal sums, that of fewer groups is chosen.
    """
    gains = affinity - np.diag(np.diag(affinity))
    blocks = _exact(gains, n_groups) if len(gains) <= MOST_EXACT else _greedy(gains, n_groups)
    return [(block, auxiliary_tasks(gains, block)) for block in sorted(blocks)]


def value_of(gains: np.ndarray, block: Sequence[int]) -> float:
    """Return the sum of the gains of a group."""
    return float(gains[np.ix_(block, block)].sum())


def auxiliary_tasks(gains: np.ndarray, block: Sequence[int]) -> list[int]:
    """Return the tasks that help a group more than the mean size of all affinities."""
    n_tasks = len(gains)
    mean_size = np.abs(gains).sum() / max(1, n_tasks * (n_tasks - 1))
    helps = gains[list(block)].mean(axis=0)
    return [task for task in range(n_tasks) if task not in block and helps[task] > mean_size]


def _exact(gains: np.ndarray, n_groups: int) -> list[list[int]]:
    """Find the best partition by dynamic programming over sets of tasks, which are written as bits."""
    n_tasks = len(gains)
    everything = (1 << n_tasks) - 1
    members = [[task for task in range(n_tasks) if mask >> task & 1] for mask in range(everything + 1)]
    value = [0.0] + [value_of(gains, members[mask]) for mask in range(1, everything + 1)]
    best, choice = list(value), [list(range(everything + 1))]
    for _ in range(min(n_groups, n_tasks) - 1):
        previous, best, chosen = best, list(best), list(choice[-1])
        for mask in range(1, everything + 1):
            lowest = mask & -mask
            rest = mask ^ lowest
            part = rest
            while part:  # every part of the rest that goes to other groups
                sum_ = value[mask ^ part] + previous[part]
                if sum_ > best[mask] + 1e-12:
                    best[mask], chosen[mask] = sum_, mask ^ part
                part = (part - 1) & rest
        choice.append(chosen)
    return _read(choice, members, everything)


def _read(choice: Sequence[Sequence[int]], members: Sequence[list[int]], mask: int) -> list[list[int]]:
    groups = []
    for level in reversed(choice):
        if not mask:
            break
        groups.append(members[level[mask]])
        mask ^= level[mask]
    return groups


def _greedy(gains: np.ndarray, n_groups: int) -> list[list[int]]:
    """Start with a group for each task; merge the two that gain most, or lose least while there are too many."""
    groups = [[task] for task in range(len(gains))]
    while len(groups) > 1:
        values = [value_of(gains, group) for group in groups]
        change, one, other = max(
            (value_of(gains, sorted(groups[i] + groups[j])) - values[i] - values[j], -i, -j)
            for i in range(len(groups))
            for j in range(i + 1, len(groups))
        )
        if change < 0 and len(groups) <= n_groups:
            break
        groups[-one] = sorted(groups[-one] + groups[-other])
        del groups[-other]
    return groups
