"""How much each task takes from shared, grouped and separate networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..utils._optional import import_optional

#: the columns of ``task_shares_``
SHARES = ("shared", "grouped", "separate")


def frame_of_shares(shares: Mapping[str, Mapping[str, float]]) -> Any:
    """Return the shares of each task as a DataFrame; those that are not named are 0."""
    pandas = import_optional("pandas", "frames", "task_shares_")
    table = {name: [of_task.get(kind, 0.0) for kind in SHARES] for name, of_task in shares.items()}
    frame = pandas.DataFrame.from_dict(table, orient="index", columns=list(SHARES))
    return frame.rename_axis("task")
