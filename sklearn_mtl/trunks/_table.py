"""The schema of a table: which columns are numbers, which are categories, and how both become arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError
from scipy.sparse import csr_matrix, issparse
from sklearn.base import BaseEstimator
from sklearn.preprocessing import OrdinalEncoder
from sklearn.utils.validation import check_array, validate_data

from ..utils._missing import is_missing

#: code of a category that fit did not see; the encoder counts the others from 1
UNSEEN = 0


class Table:
    """Learns the columns of a table at fit, and encodes tables of the same columns.

    Parameters
    ----------
    categorical_features : "from_dtype", None or array-like of int, bool or str
        Which columns are categorical; see `MultiTaskNetEstimator`.
    dtype : numpy dtype
        Of the encoded numbers.

    Attributes
    ----------
    numeric_, categorical_ : list of int
        Positions of the columns of each kind.
    n_columns_ : int
        Number of columns.
    names_ : list of str
        Their names, if X was a frame with text for names.
    cardinalities_ : list of int
        Number of codes of each categorical column, the one for unseen categories included.
    """

    def __init__(self, categorical_features: Any, dtype: np.dtype) -> None:
        self.categorical_features = categorical_features
        self.dtype = dtype

    def fit(self, X: Any, owner: BaseEstimator) -> Table:
        frame = _as_frame(X)
        if frame is None:
            X = self._check_array(X, owner, reset=True, categories=not self._only_numbers())
            self.categorical_ = self._chosen(None, X.shape[1])
            if issparse(X) and self.categorical_:
                raise ValueError("categorical_features of a sparse X are not supported; encode them first.")
        else:
            validate_data(owner, X, reset=True, skip_check_array=True)
            if min(frame.shape) == 0:  # scikit-learn's own words for what is empty
                check_array(np.empty(frame.shape), estimator=owner)
            self.categorical_ = self._chosen(frame, frame.shape[1])
        n_features = X.shape[1] if frame is None else frame.shape[1]
        self.n_columns_ = n_features
        self.names_ = list(getattr(owner, "feature_names_in_", ()))
        self.numeric_ = [column for column in range(n_features) if column not in self.categorical_]
        if self.categorical_:
            self._fit_categories(X, frame)
        return self

    def _fit_categories(self, X: Any, frame: nw.DataFrame | None) -> None:
        try:
            self.encoder_ = _fitted_encoder(self._categories(X, frame))
        except TypeError as error:
            columns = self.categorical_ if frame is None else [frame.columns[c] for c in self.categorical_]
            raise ValueError(
                f"categories of one column of X must be of one type; one of {columns} mixes text and numbers."
            ) from error
        self.cardinalities_ = [len(categories) + 1 for categories in self.encoder_.categories_]

    # what is saved is ours alone: an encoder of another version of scikit-learn could not be read
    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        encoder = state.pop("encoder_", None)
        return state if encoder is None else {**state, "categories_": list(encoder.categories_)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        categories = state.pop("categories_", None)
        self.__dict__.update(state)
        if categories is not None:
            longest = max(map(len, categories))
            self.encoder_ = _fitted_encoder(np.column_stack([np.resize(values, longest) for values in categories]))

    def positions(self, columns: Sequence[int | str]) -> list[int]:
        """Give the positions of columns that are named by position or, in a frame with text for names, by name."""
        names = {name: position for position, name in enumerate(self.names_)}
        numbers = {position: position for position in range(self.n_columns_)}
        unknown = [column for column in columns if column not in names and column not in numbers]
        if unknown:
            known = list(names) or f"0 to {self.n_columns_ - 1}"
            raise ValueError(f"X has no columns {unknown}; it has {known}.")
        return [(names | numbers)[column] for column in columns]

    def encode(self, X: Any, owner: BaseEstimator) -> tuple[np.ndarray | csr_matrix, np.ndarray | None]:
        """Return the numeric columns, and the codes of the categorical ones or None if there are none."""
        frame = _as_frame(X)
        if frame is None:
            X = self._check_array(X, owner, reset=False, categories=bool(self.categorical_))
            if not self.categorical_:
                return X, None
            numbers = self._check_numbers(X[:, self.numeric_], owner)
        else:
            validate_data(owner, X, reset=False, skip_check_array=True)
            numbers = self._frame_numbers(frame, owner)
            if not self.categorical_:
                return numbers, None
        return numbers, self._codes(self._categories(X, frame))

    def _codes(self, categories: np.ndarray) -> np.ndarray:
        codes = self.encoder_.transform(categories)
        missing = np.array(self.cardinalities_) - 1  # the encoder keeps the missing one last
        return np.where(codes == -2, missing, codes + 1).astype(np.int64)

    def _only_numbers(self) -> bool:
        wanted = self.categorical_features
        return wanted is None or (isinstance(wanted, str) and wanted == "from_dtype") or len(wanted) == 0

    def _check_array(self, X: Any, owner: BaseEstimator, reset: bool, categories: bool) -> Any:
        _refuse_dtype(X)
        if categories and not issparse(X):
            # a category may be missing, and two large ones may be the same number in float32
            return validate_data(owner, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
            return validate_data(owner, X, reset=reset, accept_sparse="csr", dtype=self.dtype, order="C")

    def _check_numbers(self, numbers: np.ndarray, owner: BaseEstimator) -> np.ndarray:
        if numbers.size == 0 and len(numbers):  # scikit-learn refuses a table without columns
            return numbers.astype(self.dtype)
        with np.errstate(over="ignore"):
            return check_array(numbers, dtype=self.dtype, estimator=owner, input_name="X")

    def _frame_numbers(self, frame: nw.DataFrame, owner: BaseEstimator) -> np.ndarray:
        """Stack the numeric columns; a missing number becomes NaN, which scikit-learn's check refuses."""
        numbers = np.empty((len(frame), len(self.numeric_)), dtype=self.dtype)
        for position, column in enumerate(self.numeric_):
            numbers[:, position] = self._column_of_numbers(frame[:, column])
        return self._check_numbers(numbers, owner)

    def _column_of_numbers(self, series: nw.Series) -> np.ndarray:
        if not (series.dtype.is_numeric() or series.dtype == nw.Boolean):
            raise ValueError(f"column {series.name!r} of X should be numeric, but is {series.dtype}.")
        values = np.asarray(series.to_numpy())
        if values.dtype.kind == "O":
            values = np.where(is_missing(values), np.nan, values)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
            return values.astype(self.dtype)

    def _categories(self, X: Any, frame: nw.DataFrame | None) -> np.ndarray:
        if frame is None:
            return X[:, self.categorical_]
        categories = np.empty((len(frame), len(self.categorical_)), dtype=object)
        for position, column in enumerate(self.categorical_):
            values = np.array([*frame[:, column].to_list(), None], dtype=object)[:-1]
            values[is_missing(values)] = None
            categories[:, position] = values
        return categories

    def _chosen(self, frame: nw.DataFrame | None, n_features: int) -> list[int]:
        """Resolve ``categorical_features`` to positions."""
        by_dtype = _text_or_category(frame) if frame is not None else []
        wanted = self.categorical_features
        if isinstance(wanted, str) and wanted == "from_dtype":
            return by_dtype
        chosen = [] if wanted is None else _positions(wanted, frame, n_features)
        left = sorted(set(by_dtype) - set(chosen))
        if left and frame is not None:
            names = [frame.columns[column] for column in left]
            raise ValueError(f"columns {names} of X are text; name them in categorical_features or encode them.")
        return chosen


def _fitted_encoder(categories: np.ndarray) -> OrdinalEncoder:
    encoder = OrdinalEncoder(
        dtype=np.float64, handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    )
    return encoder.fit(categories)


def _as_frame(X: Any) -> nw.DataFrame | None:
    if isinstance(X, np.ndarray):
        return None
    try:
        frame = nw.from_native(X, eager_only=True, pass_through=True)
    except DuplicateError as error:
        raise ValueError(f"X names a column more than once. {error}") from error
    if not isinstance(frame, nw.DataFrame):
        return None
    for column, name in enumerate(frame.columns):
        dtype = frame[:, column].dtype
        if dtype.is_temporal() or dtype.is_nested():
            raise ValueError(f"column {name!r} of X is {dtype}; encode it as numbers or categories first.")
    return frame


def _text_or_category(frame: nw.DataFrame) -> list[int]:
    types = (nw.String, nw.Categorical, nw.Enum, nw.Object)
    return [i for i in range(frame.shape[1]) if isinstance(frame[:, i].dtype, types)]


def _positions(wanted: Any, frame: nw.DataFrame | None, n_features: int) -> list[int]:
    wanted = np.asarray(wanted)
    if wanted.dtype.kind == "b" and wanted.shape == (n_features,):
        return np.flatnonzero(wanted).tolist()
    if wanted.dtype.kind in "iu" and ((wanted >= 0) & (wanted < n_features)).all():
        return wanted.tolist()
    if wanted.dtype.kind in "OU" and frame is not None and set(wanted) <= set(frame.columns):
        return [frame.columns.index(name) for name in wanted]
    if wanted.size == 0:
        return []
    raise ValueError(
        f"categorical_features={wanted.tolist()!r} should be 'from_dtype', None, or an array of the names, "
        f"positions or a mask of columns; X has {n_features} features."
    )


def _refuse_dtype(X: Any) -> None:
    """Refuse what numpy would turn into numbers without being asked."""
    dtype = np.asarray(X).dtype if isinstance(X, list | tuple) else getattr(X, "dtype", None)
    if dtype is not None and dtype.kind in "SU":
        raise ValueError(f"X is text, of dtype {dtype}; pass numbers, or a frame with text or category columns.")
    if dtype is not None and dtype.kind in "mM":
        raise ValueError(f"X is of dtype {dtype}; encode dates and durations as numbers first.")
    if dtype is not None and dtype.kind == "O" and any(isinstance(v, str) for v in np.asarray(X).ravel()):
        raise ValueError(
            "X is an array of dtype object that contains text; pass a frame with text or category columns, "
            "or encode it as numbers. (dtype='numeric' takes no text: argument must be a number.)"
        )
