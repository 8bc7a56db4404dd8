"""Arrays as containers of targets: 1-D, 2-D and structured ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from ..utils._types import RowsLike
from ._container_type import ContainerType, GivenTargets, Named, Values, only_one


class ArrayType(ContainerType):
    """A 1-D array, a list or a series: one task, named after its series or "y"."""

    kind = "array"
    names_tasks = False

    def read(self, y: GivenTargets) -> list[tuple[Any, Any]] | None:
        if isinstance(y, nw.Series):
            return [("y" if y.name in (None, "") else y.name, y.to_native())]
        is_plain = isinstance(y, np.ndarray) and y.ndim == 1 and not y.dtype.names
        return [("y", y)] if is_plain else None

    def wrap(self, columns: Mapping[str, np.ndarray], labels: Sequence[Any], X: RowsLike) -> np.ndarray:
        return only_one(columns)

    def arrange(
        self,
        by_task: Mapping[str, Values],
        named: Callable[[Mapping[str, Values]], Named],
        *,
        is_plain_column: bool,
    ) -> Values:
        return only_one(by_task)


class MatrixType(ContainerType):
    """A 2-D array, whose columns are tasks "0", "1", ..."""

    kind = "matrix"
    names_tasks = False

    def read(self, y: GivenTargets) -> list[tuple[Any, Any]] | None:
        return list(enumerate(y.T)) if isinstance(y, np.ndarray) and y.ndim == 2 else None

    def wrap(self, columns: Mapping[str, np.ndarray], labels: Sequence[Any], X: RowsLike) -> np.ndarray:
        arrays = [array if array.ndim > 1 else array[:, None] for array in columns.values()]
        mixed = {array.dtype.kind in "OUS" for array in arrays} == {True, False}
        if mixed:  # numpy would write the numbers as text
            arrays = [array.astype(object) for array in arrays]
        # numpy's default float, as scikit-learn expects of regressors with several outputs
        narrow = all(array.dtype.kind == "f" for array in arrays)
        return np.hstack(arrays).astype(np.float64) if narrow else np.hstack(arrays)

    def arrange(
        self,
        by_task: Mapping[str, Values],
        named: Callable[[Mapping[str, Values]], Named],
        *,
        is_plain_column: bool,
    ) -> Values | list[Values]:
        return only_one(by_task) if is_plain_column else list(by_task.values())


class StructuredType(ContainerType):
    """A structured array, with a field for each task."""

    kind = "structured"

    def read(self, y: GivenTargets) -> list[tuple[Any, Any]] | None:
        if not isinstance(y, np.ndarray) or not y.dtype.names:
            return None
        return [(name, y[name]) for name in y.dtype.names]

    def wrap(self, columns: Mapping[str, np.ndarray], labels: Sequence[Any], X: RowsLike) -> np.ndarray:
        arrays = dict(zip(labels, columns.values(), strict=True))
        fields = [(label, array.dtype, array.shape[1:]) for label, array in arrays.items()]
        rows = np.empty(len(only_one(columns)), dtype=fields)
        for label, array in arrays.items():
            rows[label] = array
        return rows
