"""Mappings as containers of targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..utils._types import RowsLike
from ._container_type import ContainerType, GivenTargets
from ._naming import are_records, named_targets
from ._targets import Targets


class MappingType(ContainerType):
    """A mapping from task to target, or a list of one dict per row; predictions are `Targets`."""

    kind = "targets"
    takes_more_tasks = True

    def read(self, y: GivenTargets) -> list[tuple[Any, Any]] | None:
        return named_targets(y) if isinstance(y, Mapping) or are_records(y) else None

    def wrap(self, columns: Mapping[str, np.ndarray], labels: Sequence[Any], X: RowsLike) -> Targets:
        return Targets._of(columns, {}, {})
