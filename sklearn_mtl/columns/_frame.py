"""The columns of a frame: their kinds and values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cached_property
from numbers import Real
from types import NoneType
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError

from ..utils._types import RowsLike
from ._categories import Levels, levels_of
from ._columns import Column, read_column

#: end of messages about dates
DATE_ADVICE = ", for instance with skrub's TableVectorizer, which converts dates to years, months, days and times"
# A column with this many words per text, and this many different texts, has sentences and not categories.
FEWEST_WORDS, FEWEST_TEXTS = 3, 50
# Number of rows that are checked for sentences.
SEEN_TEXTS = 1000

# Types of objects that numpy converts to floats directly; None becomes NaN.
_NUMBERS = (Real, Decimal, np.bool_, NoneType)


def as_frame(X: RowsLike) -> Frame | None:
    """Return the columns of a frame of pandas, polars or pyarrow; None if X is not a frame.

    Raises
    ------
    ValueError
        If it is lazy, or two columns have the same name.
    """
    if isinstance(X, np.ndarray | list | tuple):
        return None
    if nw.dependencies.is_pandas_dataframe(X) and X.columns.is_unique:
        return Frame(X)  # the checks of narwhals for each column would take longer than a prediction
    try:
        frame = nw.from_native(X, pass_through=True)
    except DuplicateError as error:
        raise ValueError(f"X names a column more than once. {error}") from error
    refuse_lazy(X)
    return Frame(X, frame) if isinstance(frame, nw.DataFrame) else None


def refuse_lazy(X: RowsLike) -> None:
    """Raise ValueError for a lazy frame."""
    if hasattr(X, "collect") and isinstance(nw.from_native(X, pass_through=True), nw.LazyFrame):
        raise ValueError(f"X is a {type(X).__name__}, which is lazy; pass X.collect().")


class Frame:
    """The columns of a frame, read by their values.

    Checks that depend on the dtype only are made once per dtype, and columns of one dtype are read together, so
    that thousands of columns cost about as much as an array of their numbers.

    Parameters
    ----------
    native : DataFrame of pandas, polars or pyarrow
    frame : narwhals DataFrame
        The same frame; not needed for pandas.

    Attributes
    ----------
    names : list of str
    shape : (int, int)
    """

    def __init__(self, native: Any, frame: Any = None) -> None:
        self.frame: nw.DataFrame = frame
        self._pandas: Any = native if frame is None else None
        self.names = list(native.columns if frame is None else frame.columns)
        self.shape = native.shape
        self._read: dict[int, Column] = {}

    @cached_property
    def _dtypes(self) -> list[Any]:
        return list(self.frame.schema.values()) if self._pandas is None else list(self._pandas.dtypes)

    @cached_property
    def _by_dtype(self) -> list[str]:
        """Return the kind of each dtype: "number", "category", "date", "nested", or "object" if unknown."""
        by_dtype: dict[Any, str] = {}
        by_id: dict[int, str] = {}
        for position, dtype in enumerate(self._dtypes):
            if id(dtype) not in by_id:
                # not by the dtype itself, because its hash reads all categories
                key = "category" if _is_categorical(dtype) else dtype
                if key not in by_dtype:
                    by_dtype[key] = self._kind_by_dtype(position)
                by_id[id(dtype)] = by_dtype[key]
        return [by_id[id(dtype)] for dtype in self._dtypes]

    def _kind_by_dtype(self, position: int) -> str:
        dtype = self._dtypes[position]
        if isinstance(dtype, np.dtype) and dtype.kind in "biufO":
            return "object" if dtype.kind == "O" else "number"
        if type(dtype).__name__ == "SparseDtype":
            return "number" if dtype.subtype.kind in "biuf" else "object"
        narwhals = self.dtype(position)
        if narwhals.is_numeric() or narwhals == nw.Boolean:
            return "number"
        if isinstance(narwhals, nw.String | nw.Categorical | nw.Enum):
            return "category"
        return "date" if narwhals.is_temporal() else "nested" if narwhals.is_nested() else "object"

    def dtype(self, position: int) -> Any:
        """Return the narwhals dtype of a column."""
        return self.column(position).dtype

    def column(self, position: int) -> nw.Series:
        """Return one column."""
        if self._pandas is not None:
            return nw.from_native(self._pandas.iloc[:, position], series_only=True)
        return self.frame.get_column(self.names[position])

    def of_unknown_kind(self) -> list[int]:
        """Return the positions of columns whose dtype does not identify numbers, categories or dates."""
        return [position for position, kind in enumerate(self._by_dtype) if kind in ("nested", "object")]

    def read(self, position: int) -> Column:
        """Read one column by its values."""
        if position not in self._read:
            self._read[position] = read_column(self.column(position))
        return self._read[position]

    def categorical(self) -> list[int]:
        """Return the positions of the columns that are text or categories; the others are numbers.

        The kind of an object column is the kind of its objects; a column without any value is a category.

        Raises
        ------
        ValueError
            If a column has date objects, lists, or a mixture of numbers and other types; the message names the
            column.
        """
        numbers = self._numbers_of_objects
        categorical = [p for p, kind in enumerate(self._by_dtype) if kind == "category"]
        objects = [p for p, kind in enumerate(self._by_dtype) if kind == "object" and p not in numbers]
        for position in objects:
            self._refuse_objects(position)
        return sorted([*categorical, *objects])

    def refuse_dates_and_lists(self) -> None:
        """Raise ValueError for columns with a dtype of dates or of lists."""
        if {"date", "nested"} & set(self._by_dtype):
            position = next(p for p, kind in enumerate(self._by_dtype) if kind in ("date", "nested"))
            advice = DATE_ADVICE if self._by_dtype[position] == "date" else ""
            self._refuse(position, str(self.dtype(position)), advice)

    def refuse_long_texts(self, positions: Sequence[int]) -> None:
        """Raise ValueError for columns of sentences, in which nearly every row would be a separate category.

        Columns of a categorical dtype are accepted.
        """
        for position in positions:
            if isinstance(self.dtype(position), nw.Categorical | nw.Enum):
                continue
            values = self.read(position).values
            texts = [value for value in values[:: -(-len(values) // SEEN_TEXTS)] if isinstance(value, str)]
            different = set(texts)
            if len(different) < max(FEWEST_TEXTS, len(texts) / 2):
                continue
            if sum(len(text.split()) for text in different) >= FEWEST_WORDS * len(different):
                raise ValueError(
                    f"column {self.names[position]!r} of X is text of many words, {len(different)} different ones "
                    f"in {len(texts)} rows, which cannot be learned as categories. Convert it to numbers, for "
                    "instance with skrub's TableVectorizer or scikit-learn's TfidfVectorizer; or read it as "
                    f"sentences, trunk=MultiInput({{{self.names[position]!r}: 'sequence_encoder', ...}}); or name "
                    "it in categorical_features."
                )

    def _refuse_objects(self, position: int) -> None:
        column = self.read(position)
        types = sorted({type(value).__name__ for value in column.values[~column.missing].tolist()})
        if column.kind == "date":
            self._refuse(position, f"{types[0]} objects", DATE_ADVICE)
        if column.kind != "object":
            return
        if len(types) > 1:
            raise ValueError(
                f"column {self.names[position]!r} of X mixes text and numbers, or other types: {types}; "
                "make all its values text, or all numbers."
            )
        if any(isinstance(v, Iterable) and not isinstance(v, str | bytes) for v in column.values[~column.missing]):
            self._refuse(position, f"{types[0]} objects")
        if types in (["complex"], ["complex128"], ["complex64"]):
            raise ValueError(f"Complex data not supported: column {self.names[position]!r} of X is {types[0]}.")

    def _refuse(self, position: int, what: str, advice: str = "") -> None:
        raise ValueError(
            f"column {self.names[position]!r} of X is {what}; encode it as numbers or categories first{advice}."
        )

    def numbers(self, positions: Sequence[int]) -> np.ndarray:
        """Stack columns of numbers, (n_rows, n_positions), with NaN for missing values.

        The dtype is that of the columns if it is a float dtype, otherwise float64.

        Raises
        ------
        ValueError
            If a column has other values; the message names the column.
        """
        if not len(positions):  # a frame of polars or pyarrow without columns has no rows either
            return np.empty((self.shape[0], 0))
        typed = [position for position in positions if self._by_dtype[position] == "number"]
        if len(typed) == len(positions):
            return self._typed_numbers(typed)
        numbers = np.empty((self.shape[0], len(positions)))
        if typed:
            numbers[:, np.isin(positions, typed)] = self._typed_numbers(typed)
        for place, position in enumerate(positions):
            if self._by_dtype[position] != "number":
                numbers[:, place] = self._numbers_of(position)
        return numbers

    def _typed_numbers(self, positions: Sequence[int]) -> np.ndarray:
        dtypes = {self._dtypes[position] for position in positions}
        whole = len(positions) == self.shape[1]
        if self._pandas is not None:
            part = self._pandas if whole else self._pandas.iloc[:, list(positions)]
            if len(dtypes) == 1 and _is_of_floats(next(iter(dtypes))):
                return np.asarray(part.to_numpy())
            missing = {} if all(isinstance(dtype, np.dtype) for dtype in dtypes) else {"na_value": np.nan}
            return np.asarray(part.to_numpy(dtype=np.float64, **missing))
        frame = self.frame if whole else self.frame.select([self.names[position] for position in positions])
        if dtypes != {nw.Float64()} and dtypes != {nw.Float32()}:
            frame = frame.select(nw.all().cast(nw.Float64))
        return np.asarray(frame.to_numpy())

    @cached_property
    def _numbers_of_objects(self) -> dict[int, np.ndarray]:
        """Read the object columns of numbers and missing values; a column without any value is left out."""
        positions = [position for position, kind in enumerate(self._by_dtype) if kind == "object"]
        if self._pandas is None or not positions:
            columns = [np.empty(0)] * len(positions)
        else:
            columns = list(self._pandas.iloc[:, positions].to_numpy().T)
        numbers = {}
        for position, column in zip(positions, columns, strict=True):
            floats = self._floats_of_objects(position, column)
            if floats is not None and not np.isnan(floats).all():
                numbers[position] = floats
        return numbers

    def _floats_of_objects(self, position: int, column: np.ndarray) -> np.ndarray | None:
        types = set(map(type, column.tolist()))
        if not types or not all(issubclass(of, _NUMBERS) for of in types):
            return _as_floats(self.read(position))
        try:  # faster than checking each value
            return column.astype(np.float64)
        except OverflowError as error:
            name = self.names[position]
            raise ValueError(f"column {name!r} of X has a number that is too large for float64.") from error

    def _numbers_of(self, position: int) -> np.ndarray:
        """Return the numbers of a column without a number dtype."""
        if position in self._numbers_of_objects:
            return self._numbers_of_objects[position]
        column = self.read(position)
        if column.kind == "category":
            column = read_column(column.values)
        numbers = _as_floats(column)
        if numbers is None:
            raise ValueError(
                f"column {self.names[position]!r} of X should be numeric, but is {self.dtype(position)}."
            )
        return numbers

    def levels(self, position: int) -> Levels:
        """Return the unique values of a column, and the value of each row."""
        if _is_categorical(self._dtypes[position]):
            column = self._pandas.iloc[:, position].cat
            return Levels(column.categories.tolist(), column.codes.to_numpy().astype(np.int64))
        return levels_of(self.read(position), self.names[position])


def _is_of_floats(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind == "f"


def _is_categorical(dtype: Any) -> bool:
    """Return whether a dtype is pandas' category dtype."""
    return type(dtype).__name__ == "CategoricalDtype"


def _as_floats(column: Column) -> np.ndarray | None:
    """Return the numbers of a column, with NaN for missing ones; None if it has other values."""
    if column.kind not in ("number", "boolean"):
        return None
    if column.values.dtype.kind != "O":
        return column.values.astype(np.float64)
    return np.where(column.missing, np.nan, column.values).astype(np.float64)
