"""Exact statistics of labels that are not in memory together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class LabelStatistics(NamedTuple):
    """What is known of all labels of a task, some of which it was fitted to.

    Parameters
    ----------
    mean, deviation : float or None, default=None
        Mean and standard deviation of labels that are numbers.
    counts : mapping of label to int, or None, default=None
        Number of rows with each label; None if there are too many different ones.
    """

    mean: float | None = None
    deviation: float | None = None
    counts: Mapping[Any, int] | None = None
