"""The columns of X in its container, of which some can be permuted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from reprlib import repr as shortened
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import csc_matrix, issparse
from sklearn.utils import _safe_indexing

from ..columns._columns import plain
from ..columns._frame import as_frame
from ..utils._types import RowsLike


class Columns(ABC):
    """The columns of some rows.

    Attributes
    ----------
    known : list
        What users call the columns: their names, or their positions in an array.
    n_rows : int
    """

    known: list[Any]
    n_rows: int

    @abstractmethod
    def permuted(self, chosen: Sequence[int], order: np.ndarray) -> Any:
        """Return the rows in their container, with the chosen columns taken from other rows.

        Parameters
        ----------
        chosen : sequence of int
            Positions of columns.
        order : ndarray of int of shape (n_rows,)
            The row that each row takes the values of the columns from.
        """

    @property
    def names(self) -> list[str]:
        """The names of the columns for display: x0, x1, ... for an array."""
        return [f"x{name}" if isinstance(name, int) else str(name) for name in self.known]

    def positions(self, names: Sequence[Any], where: str) -> list[int]:
        """Return the positions of columns.

        Raises
        ------
        ValueError
            If there is no such column; the message says where it is named.
        """
        unknown = [name for name in names if name not in self.known]
        if unknown:
            has = self.known if isinstance(self.known[0], str) else f"0 to {len(self.known) - 1}"
            raise ValueError(f"{where} names columns {unknown} that X does not have; it has {has}.")
        return [self.known.index(name) for name in names]


class _OfFrame(Columns):
    def __init__(self, frame: nw.DataFrame) -> None:
        self.frame, self.known, self.n_rows = frame, list(frame.columns), len(frame)

    def permuted(self, chosen: Sequence[int], order: np.ndarray) -> Any:
        native = self.frame.to_native()
        if self.frame.implementation.is_pandas():
            changed = native.copy(deep=False)
            for position in chosen:
                changed.isetitem(position, native.iloc[order, position].array)
            return changed
        taken = self.frame.select([self.known[position] for position in chosen])[order.tolist()]
        return self.frame.with_columns(*(taken[name] for name in taken.columns)).to_native()


class _OfArray(Columns):
    def __init__(self, array: np.ndarray) -> None:
        self.array, self.n_rows = array, len(array)
        self.known = list(range(array.shape[1]))

    def permuted(self, chosen: Sequence[int], order: np.ndarray) -> Any:
        changed = self.array.copy()
        for position in chosen:
            changed[:, position] = self.array[order, position]
        return changed


class _OfSparse(Columns):
    def __init__(self, matrix: Any) -> None:
        self.matrix, self.n_rows = csc_matrix(matrix), matrix.shape[0]
        self.matrix.sort_indices()
        self.known = list(range(matrix.shape[1]))

    def permuted(self, chosen: Sequence[int], order: np.ndarray) -> Any:
        goes_to = np.argsort(order)
        changed = csc_matrix(
            (self.matrix.data.copy(), self.matrix.indices.copy(), self.matrix.indptr), self.matrix.shape
        )
        for position in chosen:
            entries = slice(*self.matrix.indptr[position : position + 2])
            changed.indices[entries] = goes_to[self.matrix.indices[entries]]
        changed.has_sorted_indices = False
        return changed.tocsr()


class _OfMapping(Columns):
    def __init__(self, inputs: Mapping[Any, Any]) -> None:
        self.inputs, self.known = dict(inputs), list(inputs)
        first = next(iter(self.inputs.values()))
        self.n_rows = first.shape[0] if hasattr(first, "shape") else len(first)

    def permuted(self, chosen: Sequence[int], order: np.ndarray) -> Any:
        own = {self.known[position] for position in chosen}
        return {
            name: _safe_indexing(values, order) if name in own else values for name, values in self.inputs.items()
        }


def columns_of(X: RowsLike, call: str) -> Columns:
    """Return the columns of a frame, a 2-D array or a sparse matrix, or the inputs of a mapping.

    Parameters
    ----------
    X : object
    call : str
        The function that needs columns, for messages.

    Raises
    ------
    TypeError
        If X has no columns, as sentences and images.
    ValueError
        If X has no rows or columns.
    """
    columns = _columns_of(plain(X), call)
    if not columns.n_rows or not columns.known:
        raise ValueError(f"X of {call} should have rows and columns, got {columns.n_rows} rows.")
    return columns


def _columns_of(X: Any, call: str) -> Columns:
    if issparse(X):
        return _OfSparse(X)
    if isinstance(X, Mapping):
        return _OfMapping(X)
    frame = as_frame(X)
    if frame is not None:
        return _OfFrame(nw.from_native(X, eager_only=True))
    return _OfArray(_table(X, call))


def _table(X: Any, call: str) -> np.ndarray:
    """Return an array or a list of rows as a 2-D array; next to text, numbers stay numbers."""
    try:
        array = X if isinstance(X, np.ndarray) else np.asarray(X)
        if not isinstance(X, np.ndarray) and array.dtype.kind in "SU":
            array = np.asarray(X, dtype=object)
    except ValueError:  # rows of different lengths
        array = np.empty(0)
    if array.ndim != 2:
        raise TypeError(
            f"{call} permutes columns, but X has none: it is {shortened(X)}. For sentences, images and videos, "
            "see integrated_gradients; beside other inputs, in a mapping or a frame, they are permuted as a whole."
        )
    return array
