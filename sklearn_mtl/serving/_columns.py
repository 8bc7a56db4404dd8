"""The columns that a fitted model reads, and rows of JSON as its X."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..columns._columns import objects_of
from ..estimator import MultiTaskNetEstimator
from ..trunks import MLP, ConvNet, SequenceEncoder, VideoEncoder
from ..uncertainty._said import inner_net, is_holder
from ..utils._optional import import_optional


class ServedColumn(NamedTuple):
    """A column of X.

    Parameters
    ----------
    name : str or int
        Its name, or position in an array.
    kind : {"number", "text"} or None
        What its values are; None if it is not known, as before the steps of a pipeline.
    known : list
        Its categories; empty for numbers.
    """

    name: Any
    kind: str | None
    known: list[Any]

    @property
    def is_category(self) -> bool:
        """Whether its values are categories."""
        return bool(self.known)


def columns_of(model: Any) -> list[ServedColumn]:
    """Return the columns of a table that a fitted model reads; empty if it reads something else.

    Raises
    ------
    TypeError
        If a column has categories that JSON does not hold, such as dates.
    """
    net = _net_that_reads_x(model)
    if net is None:
        names = getattr(model, "feature_names_in_", None)
        named = range(model.n_features_in_) if names is None else names
        return [ServedColumn(name, None, []) for name in named]
    table = getattr(net._model.blueprint.trunk, "table_", None)
    if type(net._model.blueprint.trunk) is not MLP or table is None:
        return []
    names = table.names_ or list(range(table.n_columns_))
    categories = dict(zip(table.categorical_, table.categories_, strict=True))
    return [_column(name, categories.get(position)) for position, name in enumerate(names)]


def _column(name: Any, categories: Any) -> ServedColumn:
    if categories is None:
        return ServedColumn(name, "number", [])
    if categories.kind not in ("text", "number"):
        raise TypeError(
            f"column {name!r} has categories such as {categories.values[0]!r}, which JSON and CSV do not hold; "
            "convert them to text or numbers before fit"
        )
    return ServedColumn(name, categories.kind, list(categories.values))


def _net_that_reads_x(model: Any) -> MultiTaskNetEstimator | None:
    """Return the network that reads the rows of X as they come; None behind other steps."""
    inner = inner_net(model)
    while model is not inner:
        if hasattr(model, "steps") and len(model.steps) > 1:
            return None
        if hasattr(model, "steps"):
            model = model.steps[-1][1]
        else:
            model = model.net_ if is_holder(model) else model.estimator
    return inner if isinstance(inner, MultiTaskNetEstimator) else None


class Rows:
    """What the rows of a request are, and their conversion to X.

    Parameters
    ----------
    model : fitted estimator

    Attributes
    ----------
    columns : list of ServedColumn
        The columns of a table; empty for images, sequences and videos.
    are_named : bool
        Whether a row is a mapping from column to value; otherwise it is a list.

    Raises
    ------
    TypeError
        If its inputs cannot be rows of JSON.
    """

    def __init__(self, model: Any) -> None:
        self.columns = columns_of(model)
        self.are_named = hasattr(model, "feature_names_in_")
        self.trunk: Any = None
        if not self.columns:
            net = _net_that_reads_x(model)
            self.trunk = None if net is None else net._model.blueprint.trunk
            if self.are_named or not isinstance(self.trunk, ConvNet | SequenceEncoder | VideoEncoder):
                raise TypeError(
                    f"make_app does not support inputs of the trunk {type(self.trunk).__name__}; it supports "
                    "tables, images, sequences and videos. Put the model behind an application of your own."
                )

    def to_x(self, values: Sequence[Sequence[Any]]) -> Any:
        """Convert rows, each a list of values in the order of the columns, to X.

        Raises
        ------
        ValueError
            If images or videos do not have one shape.
        """
        if not self.columns:
            return list(values) if isinstance(self.trunk, SequenceEncoder) else _array(values)
        columns = [
            _values(column, [row[position] for row in values]) for position, column in enumerate(self.columns)
        ]
        if self.are_named:
            pandas = import_optional("pandas", "serve", "make_app")
            return pandas.DataFrame({c.name: v for c, v in zip(self.columns, columns, strict=True)})
        if all(column.dtype == np.float64 for column in columns):
            return np.column_stack(columns)
        mixed = np.empty((len(values), len(columns)), dtype=object)
        for position, column in enumerate(columns):
            mixed[:, position] = column
        return mixed


def _values(column: ServedColumn, values: list[Any]) -> np.ndarray:
    """Return a column as floats with NaN, or as objects with None."""
    are_numbers = column.kind == "number" or (
        column.kind is None and all(value is None or isinstance(value, int | float) for value in values)
    )
    if are_numbers:
        return np.array([np.nan if value is None else float(value) for value in values])
    return objects_of(values)


def _array(values: Sequence[Any]) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError("the rows are not arrays of numbers of one shape") from error
