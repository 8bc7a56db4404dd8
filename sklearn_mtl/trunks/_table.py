"""The schema of a table: its numeric and categorical columns, and their conversion to arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import csr_matrix, issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from ..columns._categories import Categories, levels_of
from ..columns._columns import plain, read_column
from ..columns._frame import DATE_ADVICE, Frame, as_frame
from ..columns._missing import is_missing
from ..utils._types import ColumnsLike, RowsLike

# Dtypes of numbers: kept if they have one of these, otherwise the wider one.
_FLOATS = [np.float64, np.float32]

_DATES = (date, time, timedelta, np.datetime64, np.timedelta64)


class Table:
    """Learns the columns of a table in fit, and encodes tables with the same columns.

    The encoding depends on the values only, not on their container. Missing numbers are NaN.

    Parameters
    ----------
    categorical_features : "from_dtype", None or array-like of int, bool or str
        Which columns are categorical; see `MultiTaskNetEstimator`.
    dtype : numpy dtype
        Dtype of the network. The encoded numbers keep their original precision.

    Attributes
    ----------
    numeric_, categorical_ : list of int
        Positions of the columns of each kind.
    n_columns_ : int
        Number of columns.
    names_ : list of str
        Their names, if X was a frame with string names.
    categories_ : list of Categories
        Categories of each categorical column in fit.
    cardinalities_ : list of int
        Number of codes of each categorical column, including the code of unseen categories.
    """

    def __init__(self, categorical_features: ColumnsLike, dtype: np.dtype) -> None:
        self.categorical_features = categorical_features
        self.dtype = dtype

    def fit(self, X: RowsLike, owner: BaseEstimator) -> Table:
        X = plain(X)
        frame = as_frame(X)
        if frame is None:
            X = self._array(X, owner, reset=True, only_numbers=self._only_numbers())
            n_columns, by_dtype = X.shape[1], []
        else:
            validate_data(owner, X, reset=True, skip_check_array=True)
            if min(frame.shape) == 0:  # scikit-learn's error for empty input
                check_array(np.empty(frame.shape), estimator=owner)
            frame.refuse_dates_and_lists()
            n_columns, by_dtype = frame.shape[1], frame.categorical()
            if self._only_numbers():  # otherwise the user has chosen the categories
                frame.refuse_long_texts(by_dtype)
        self.n_columns_ = n_columns
        self.names_ = list(getattr(owner, "feature_names_in_", ()))
        self.categorical_ = self._chosen(frame, by_dtype)
        if issparse(X) and self.categorical_:
            raise ValueError("categorical_features of a sparse X are not supported; encode them first.")
        categorical = set(self.categorical_)
        self.numeric_ = [column for column in range(n_columns) if column not in categorical]
        self.categories_ = [
            Categories.fit(self._levels(X, frame, column), self._name(column)) for column in self.categorical_
        ]
        self.cardinalities_ = list(map(len, self.categories_))
        return self

    # categories are saved as arrays, as in all versions
    def __getstate__(self) -> dict[str, Any]:
        arrays = [categories.to_array() for categories in self.categories_]
        return {**vars(self), "categories_": arrays}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        arrays = state.pop("categories_", [])
        state.pop("cardinalities_", None)  # computed from the categories
        self.__dict__.update(state)
        self.categories_ = [Categories.from_array(np.asarray(array)) for array in arrays]
        self.cardinalities_ = list(map(len, self.categories_))

    def positions(self, columns: Sequence[int | str]) -> list[int]:
        """Return the positions of columns that are given by position or, in a frame with string names, by name."""
        names = {name: position for position, name in enumerate(self.names_)}
        numbers = {position: position for position in range(self.n_columns_)}
        unknown = [column for column in columns if column not in names and column not in numbers]
        if unknown:
            known = list(names) or f"0 to {self.n_columns_ - 1}"
            raise ValueError(f"X has no columns {unknown}; it has {known}.")
        return [(names | numbers)[column] for column in columns]

    def name_of_number(self, position: int) -> Any:
        """Return the name of a numeric column by its position among these."""
        return self._name(self.numeric_[position])

    def accepts(self, X: RowsLike) -> bool:
        """Return whether X is encoded already: a finite array of numbers with the columns of fit, without names.

        Everything else is checked by scikit-learn, which takes longer than the prediction of a row.
        """
        if type(X) is not np.ndarray or X.ndim != 2 or X.dtype not in _FLOATS or self.categorical_ or self.names_:
            return False
        if X.shape[1] != self.n_columns_ or not X.size:
            return False
        with np.errstate(over="ignore", invalid="ignore"):
            return math.isfinite(X.sum())

    def encode(self, X: RowsLike, owner: BaseEstimator) -> tuple[np.ndarray | csr_matrix, np.ndarray | None]:
        """Return the numeric columns, and the codes of the categorical ones or None if there are none.

        The numbers are float64, or float32 if X has this dtype; a sparse X without categories stays sparse.
        """
        X = plain(X)
        frame = as_frame(X)
        if frame is None:
            X = self._array(X, owner, reset=False, only_numbers=not self.categorical_)
            if not self.categorical_:
                return X, None
            X = X.toarray() if issparse(X) else X
            numbers = X[:, self.numeric_]
            _refuse_text(numbers)
        else:
            if frame.names != self.names_:  # scikit-learn's check names the difference, but is slow
                validate_data(owner, X, reset=False, skip_check_array=True)
            frame.refuse_dates_and_lists()
            numbers = frame.numbers(self.numeric_)
        return _checked(numbers, owner), self._codes(X, frame)

    def _codes(self, X: RowsLike, frame: Frame | None) -> np.ndarray | None:
        if not self.categorical_:
            return None
        columns = zip(self.categories_, self.categorical_, strict=True)
        codes = [known.encode(self._levels(X, frame, column), self._name(column)) for known, column in columns]
        return np.column_stack(codes)

    def _levels(self, X: RowsLike, frame: Frame | None, column: int) -> Any:
        if frame is not None:
            return frame.levels(column)
        return levels_of(read_column(X[:, column]), self._name(column))

    def _name(self, column: int) -> Any:
        return self.names_[column] if self.names_ else column

    def _only_numbers(self) -> bool:
        wanted = self.categorical_features
        return wanted is None or (isinstance(wanted, str) and wanted == "from_dtype") or len(wanted) == 0

    def _array(self, X: RowsLike, owner: BaseEstimator, reset: bool, only_numbers: bool) -> Any:
        """Check an array or array-like; with categories, its values are not converted."""
        if isinstance(X, Mapping) and not issparse(X):
            raise TypeError("X is a mapping, but a table is an array or a frame; pass pandas.DataFrame(X).")
        X = self._without_mask(_as_array(X, only_numbers))
        if only_numbers:
            _refuse_text(X)
            X = _with_nan(X)
            return validate_data(
                owner, X, reset=reset, accept_sparse="csr", dtype=_FLOATS, ensure_all_finite="allow-nan"
            )
        accepted = {"accept_sparse": "csr", "dtype": None, "ensure_all_finite": False}
        return validate_data(owner, X, reset=reset, **accepted)

    def _without_mask(self, X: RowsLike) -> Any:
        """Replace masked values by None; the values below a mask are never read."""
        if not isinstance(X, np.ma.MaskedArray) or X.ndim != 2:
            return X
        mask = np.ma.getmaskarray(X)
        if not mask.any():
            return X.data
        values = X.data.astype(object)
        values[mask] = None
        return values

    def _chosen(self, frame: Frame | None, by_dtype: list[int]) -> list[int]:
        """Resolve ``categorical_features`` to positions."""
        wanted = self.categorical_features
        if isinstance(wanted, str) and wanted == "from_dtype":
            return by_dtype
        chosen = [] if wanted is None else sorted(set(_positions(wanted, frame, self.n_columns_)))
        left = sorted(set(by_dtype) - set(chosen))
        if left and frame is not None:
            names = [frame.names[column] for column in left]
            raise ValueError(f"columns {names} of X are text; name them in categorical_features or encode them.")
        return chosen


def _checked(numbers: np.ndarray, owner: BaseEstimator) -> np.ndarray:
    if numbers.size == 0 and len(numbers):  # scikit-learn rejects a table without columns
        return numbers.astype(np.float64)
    checked: np.ndarray = check_array(
        _with_nan(numbers), dtype=_FLOATS, ensure_all_finite="allow-nan", estimator=owner, input_name="X"
    )
    return checked


def _with_nan(X: Any) -> Any:
    """Replace None and pandas' NA by NaN in an array of objects, which scikit-learn's checks cannot convert."""
    is_objects = isinstance(X, np.ndarray) and X.dtype.kind == "O" and X.ndim == 2
    return np.where(is_missing(X), np.nan, X) if is_objects else X


def _as_array(X: RowsLike, only_numbers: bool) -> Any:
    """Convert other containers to an array, unless scikit-learn's checks do so."""
    if isinstance(X, list | tuple):
        array = np.asarray(X)
        # next to text, numbers would become text
        return array if only_numbers or array.dtype.kind not in "SU" else np.asarray(X, dtype=object)
    if isinstance(X, np.ndarray) or issparse(X):
        return X
    is_series = isinstance(nw.from_native(X, allow_series=True, pass_through=True), nw.Series)
    # scikit-learn's checks have a specific error for a pandas Series
    return np.asarray(X) if is_series and not nw.dependencies.is_pandas_series(X) else X


def _positions(wanted: Any, frame: Frame | None, n_features: int) -> list[int]:
    wanted = np.asarray(wanted)
    if wanted.dtype.kind == "b" and wanted.shape == (n_features,):
        return np.flatnonzero(wanted).tolist()
    if wanted.dtype.kind in "iu" and ((wanted >= 0) & (wanted < n_features)).all():
        return wanted.tolist()
    if wanted.dtype.kind in "OU" and frame is not None and set(wanted) <= set(frame.names):
        return [frame.names.index(name) for name in wanted]
    if wanted.size == 0:
        return []
    raise ValueError(
        f"categorical_features={wanted.tolist()!r} should be 'from_dtype', None, or an array of the names, "
        f"positions or a mask of columns; X has {n_features} features."
    )


def _refuse_text(X: RowsLike) -> None:
    """Raise ValueError for values that numpy would convert to numbers silently."""
    dtype = getattr(X, "dtype", None)
    if not isinstance(dtype, np.dtype) or dtype.kind in "biufc":
        return
    if dtype.kind in "SU":
        raise ValueError(f"X is text, of dtype {dtype}; pass numbers, or a frame with text or category columns.")
    if dtype.kind in "mM":
        raise ValueError(f"X is of dtype {dtype}; encode dates and durations as numbers first{DATE_ADVICE}.")
    if dtype.kind == "V":
        raise ValueError(f"X is a structured array, of dtype {dtype}; pass a frame of it: pandas.DataFrame(X).")
    types = set(map(type, X.ravel().tolist())) if dtype.kind == "O" else set()
    if any(issubclass(of, str | bytes) for of in types):
        raise ValueError(
            "X is an array of dtype object that contains text; pass a frame with text or category columns, "
            "or encode it as numbers. (dtype='numeric' takes no text: argument must be a number.)"
        )
    if any(issubclass(of, _DATES) for of in types):
        raise ValueError(
            f"X is an array of dtype object that contains dates; encode them as numbers first{DATE_ADVICE}."
        )
