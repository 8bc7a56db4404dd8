"""Frames as containers of targets, and for `Targets.to_frame`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from ..columns._labels import Categories, facts_of
from ..utils._optional import import_optional
from ..utils._types import RowsLike
from ._container_type import ContainerType, GivenTargets, Named, Values, only_one


class FrameType(ContainerType):
    """A frame of one library, with a column for each task; a task of several columns is a column of lists."""

    takes_more_tasks = True

    def read(self, y: GivenTargets) -> list[tuple[Any, Any]] | None:
        if not (isinstance(y, nw.DataFrame) and self.takes(y.implementation)):
            return None
        return [(label, y[:, i]) for i, label in enumerate(y.columns)]

    def wrap(self, columns: Mapping[str, np.ndarray], labels: Sequence[Any], X: RowsLike) -> Any:
        purpose = f"predict for a model fitted with a {self.kind} frame"
        return self.make(dict(zip(labels, columns.values(), strict=True)), purpose, X)

    def arrange(
        self,
        by_task: Mapping[str, Values],
        named: Callable[[Mapping[str, Values]], Named],
        *,
        is_plain_column: bool,
    ) -> Values | Named:
        return only_one(by_task) if is_plain_column else named(by_task)

    @abstractmethod
    def takes(self, library: nw.Implementation) -> bool:
        """Return whether this type reads frames of a library."""

    @abstractmethod
    def make(self, columns: Mapping[Any, Any], purpose: str, X: RowsLike = None) -> Any:
        """Build a frame.

        Parameters
        ----------
        columns : mapping of label to ndarray, or to a column of the library
        purpose : str
            What needs the library, for the message if it is missing.
        X : object, default=None
            The frame gets the index of X, if it has one.
        """

    def column(self, values: np.ndarray, categories: Categories | None) -> Any:
        """Build a column of labels; categories and integers with missing values keep their dtype in pandas."""
        return values


class PandasFrame(FrameType):
    """A DataFrame of pandas; predictions have the index of X."""

    kind = "pandas"

    def takes(self, library: nw.Implementation) -> bool:
        return library.is_pandas()

    def make(self, columns: Mapping[Any, Any], purpose: str, X: RowsLike = None) -> Any:
        pandas = import_optional("pandas", "frames", purpose)
        index = X.index if isinstance(X, pandas.DataFrame | pandas.Series) else None
        return pandas.DataFrame(_flat(columns), index=index)

    def column(self, values: np.ndarray, categories: Categories | None) -> Any:
        pandas = import_optional("pandas", "frames", "to_frame")
        if categories is not None:
            return pandas.Categorical(values, categories=list(categories.values), ordered=categories.ordered)
        dtype = _nullable_dtype(values)
        return values if dtype is None else pandas.array(values, dtype=dtype)


class PyArrowTable(FrameType):
    """A Table of pyarrow."""

    kind = "pyarrow"

    def takes(self, library: nw.Implementation) -> bool:
        return library.is_pyarrow()

    def make(self, columns: Mapping[Any, Any], purpose: str, X: RowsLike = None) -> Any:
        pyarrow = import_optional("pyarrow", "frames", purpose)
        return pyarrow.table({str(label): pyarrow.array(values) for label, values in _flat(columns).items()})


class PolarsFrame(FrameType):
    """A DataFrame of polars; predictions for frames of all other libraries are also polars frames."""

    kind = "polars"

    def takes(self, library: nw.Implementation) -> bool:
        return True

    def make(self, columns: Mapping[Any, Any], purpose: str, X: RowsLike = None) -> Any:
        return import_optional("polars", "frames", purpose).DataFrame(_flat(columns))


#: in the order in which they are tried
FRAME_TYPES: tuple[FrameType, ...] = (PandasFrame(), PyArrowTable(), PolarsFrame())


def _flat(columns: Mapping[Any, Any]) -> dict[Any, Any]:
    """Convert 2-D columns to lists of rows."""
    return {label: values if values.ndim == 1 else list(values) for label, values in columns.items()}


def _nullable_dtype(values: np.ndarray) -> str | None:
    """Return the nullable pandas dtype of integers or bools with missing values; None for other values."""
    if values.dtype.kind != "O" or values.ndim != 1:
        return None
    return {"integer": "Int64", "boolean": "boolean"}.get(facts_of(values).kind)
