"""How much each task takes from shared, grouped and separate networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..utils._optional import import_optional


def frame_of_shares(shares: Mapping[str, Mapping[str, float]]) -> Any:
    """Return the shares of each task, by kind of network, as a DataFrame."""
    pandas = import_optional("pandas", "frames", "task_shares_")
    return pandas.DataFrame.from_dict(shares, orient="index").rename_axis("task")
