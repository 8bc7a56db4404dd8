"""`Targets`: several targets of the same rows, and the way from any y to them and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing

from .utils._missing import is_missing
from .utils._optional import import_optional

__all__ = ["Container", "Targets", "align_targets", "read_targets"]


class Targets(Mapping[str, np.ndarray]):
    """A mapping from task to target that scikit-learn can index by rows.

    A plain dict of targets cannot go through `GridSearchCV` or `train_test_split`: scikit-learn takes the
    number of keys for the number of rows. `Targets` has the length, the shape and the indexing of an array of
    rows, and everything else of a read-only mapping.

    Parameters
    ----------
    data : mapping of str to array-like of shape (n_samples, ...), default=()
        One target per task. Missing labels are NaN, None or pandas' NA.
    **tasks : array-like of shape (n_samples, ...)
        The same by keyword.

    Raises
    ------
    ValueError
        If there is no target, a task is named twice, or the targets differ in length.

    Examples
    --------
    >>> from sklearn_mtl import Targets
    >>> y = Targets(species=["Adelie", "Gentoo", "Adelie"], mass=[3750.0, float("nan"), 3250.0])
    >>> len(y), y.shape
    (3, (3, 2))
    >>> y["species"]
    array(['Adelie', 'Gentoo', 'Adelie'], dtype='<U6')
    >>> y[[0, 2]]
    Targets(species=['Adelie' 'Adelie'], mass=[3750. 3250.])
    """

    #: what was given as a frame or as categories, whose rows are those of the arrays
    _given: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, data: Any = (), /, **tasks: Any) -> None:
        given = [*dict(data).items(), *tasks.items()]
        columns = {str(name): _as_column(values, str(name)) for name, values in given}
        if len(columns) < len(given):
            raise ValueError(f"Targets names a task more than once: {[name for name, _ in given]}.")
        if not columns:
            raise ValueError("Targets needs at least one task.")
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"The targets of all tasks need the same number of rows; got {lengths}.")
        self._columns = columns
        self._given = {str(name): values for name, values in given if _has_dtypes(values)}

    def as_given(self, name: str) -> Any:
        """Get a target, or an input, as it was given where that is a frame or categories, else as an array."""
        return self._given.get(name, self._columns[name])

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of tasks."""
        return len(self), len(self._columns)

    @property
    def ndim(self) -> int:
        """Two: rows and tasks."""
        return 2

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def keys(self) -> Any:
        """Names of the tasks."""
        return self._columns.keys()

    def values(self) -> Any:
        """Targets of the tasks."""
        return self._columns.values()

    def items(self) -> Any:
        """Pairs of name and target."""
        return self._columns.items()

    def __getitem__(self, key: Any) -> Any:
        """Get the target of a task by its name, or some rows of all of them."""
        if isinstance(key, str):
            return self._columns[key]
        if isinstance(key, tuple):  # scikit-learn indexes arrays of rows with (rows, ...)
            key = key[0]
        if isinstance(key, int | np.integer):
            return {name: values[key] for name, values in self._columns.items()}
        part = Targets({name: values[key] for name, values in self._columns.items()})
        part._given = {name: _safe_indexing(values, key) for name, values in self._given.items()}
        return part

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Targets) or list(self) != list(other):
            return NotImplemented if not isinstance(other, Targets) else False
        return all(_equal(values, other[name]) for name, values in self.items())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Targets({', '.join(f'{name}={values}' for name, values in self.items())})"

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        # cross_val_predict joins the predictions of the folds with this one function
        if function is np.concatenate:
            parts: Sequence[Targets] = args[0]
            return Targets({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
        return NotImplemented


@dataclass(frozen=True)
class Container:
    """What kind of object held the targets, so that predictions come back in the same kind.

    Parameters
    ----------
    kind : {"array", "matrix", "pandas", "polars", "structured", "targets"}
        "array" is 1-D, "matrix" 2-D.
    names : tuple of str
        The tasks in the order of the container.
    labels : tuple
        The names as the container had them, for instance integers in a frame.
    """

    kind: str
    names: tuple[str, ...]
    labels: tuple[Any, ...]

    def wrap(self, columns: Mapping[str, np.ndarray], X: Any = None) -> Any:
        """Put predictions, one array per task, into the container's kind.

        Parameters
        ----------
        columns : mapping of str to ndarray
            Predictions of all tasks or of some.
        X : object, default=None
            What was predicted for; a frame's index is taken over.
        """
        arrays = [columns[name] for name in self.names if name in columns]
        if self.kind == "array":
            return arrays[0]
        if self.kind == "matrix":
            return _stack(arrays)
        labels = [label for name, label in zip(self.names, self.labels, strict=True) if name in columns]
        if self.kind == "structured":
            return _structured(labels, arrays)
        if self.kind in ("pandas", "polars"):
            return _frame(self.kind, labels, arrays, X)
        return Targets(zip(labels, arrays, strict=True))


def read_targets(y: Any) -> tuple[Targets, Container]:
    """Read any kind of y as `Targets`.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_tasks), structured array, frame, mapping or Targets
        A 1-D y is one task, named after its Series or "y". The columns of a 2-D array are tasks "0", "1", ...
        Everything else names its tasks.

    Returns
    -------
    targets : Targets
    container : Container
        The kind of y, which puts predictions back into it.

    Raises
    ------
    ValueError, TypeError
        If y is None, empty, sparse or of more than two dimensions, or names a task twice.
    """
    if isinstance(y, Targets):
        return _read(y, "targets", list(y), list(y.values()))
    if isinstance(y, Mapping):
        return _read(y, "targets", list(y), list(y.values()))
    if issparse(y):
        raise TypeError("Sparse y is not supported; pass y.toarray(), or a mapping from task to target.")
    try:
        native = nw.from_native(y, allow_series=True, pass_through=True)
    except DuplicateError as error:
        raise ValueError(f"y names a task more than once. {error}") from error
    if isinstance(native, nw.DataFrame):
        kind = "pandas" if native.implementation.is_pandas() else "polars"
        return _read(y, kind, native.columns, [_series_values(native[:, i]) for i in range(native.shape[1])])
    if isinstance(native, nw.Series):
        name = "y" if native.name in (None, "") else native.name
        return _read(y, "array", [name], [_series_values(native)])
    array = _as_column(y, "y")
    if array.dtype.names:
        return _read(y, "structured", list(array.dtype.names), [array[name] for name in array.dtype.names])
    if array.ndim == 1:
        return _read(y, "array", ["y"], [array])
    if array.ndim != 2:
        raise ValueError(f"y should be a 1d or 2d array, got an array of shape {array.shape} instead.")
    return _read(y, "matrix", list(range(array.shape[1])), list(array.T))


def align_targets(y: Any, names: Sequence[str]) -> tuple[Targets, Container]:
    """Read y for tasks that are known already.

    Columns without names of their own are taken in order; named ones in any order, others are ignored.

    Raises
    ------
    ValueError
        If a task has no column.
    """
    targets, container = read_targets(y)
    if container.kind in ("array", "matrix") and len(container.names) == len(names):
        return Targets(zip(names, targets.values(), strict=True)), container
    lacking = [name for name in names if name not in targets]
    if lacking:
        raise ValueError(f"y lacks the tasks {lacking}; it has {list(targets)}.")
    return Targets({name: targets[name] for name in names}), container


def _read(y: Any, kind: str, labels: list, columns: list) -> tuple[Targets, Container]:
    names = tuple(str(label) for label in labels)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"y names a task more than once: {twice}.")
    if not names:
        raise ValueError("y has no columns: at least one task is needed.")
    return Targets(zip(names, columns, strict=True)), Container(kind, names, tuple(labels))


def _series_values(series: nw.Series) -> np.ndarray:
    if not (series.dtype.is_numeric() or series.dtype == nw.Boolean):
        return _object_array(series.to_list())
    if not series.null_count():
        return np.asarray(series.to_numpy())
    if series.dtype.is_float():
        return series.cast(nw.Float64).to_numpy().astype(np.float64)
    return _object_array(series.to_list())  # as floats, integers would no longer be classes


def _has_dtypes(values: Any) -> bool:
    """Tell whether values are a frame, or categories, which an array would forget."""
    native = nw.from_native(values, allow_series=True, pass_through=True)
    is_series = isinstance(native, nw.Series)
    return isinstance(native, nw.DataFrame) or (is_series and isinstance(native.dtype, nw.Categorical | nw.Enum))


def _as_column(values: Any, name: str) -> np.ndarray:
    """Turn the target of one task into an array whose first axis is the rows."""
    array = values if type(values) is np.ndarray else _to_array(values, name)
    if array.ndim == 0:
        raise ValueError(f"The target of task {name!r} should have one row per sample, got a scalar instead.")
    return array


def _to_array(values: Any, name: str) -> np.ndarray:
    if isinstance(values, np.ma.MaskedArray):  # what is masked is missing
        if values.dtype.kind == "f":
            return np.ma.filled(values, np.nan)
        plain = np.array(values.data, dtype=object)
        plain[np.ma.getmaskarray(values)] = None
        return plain
    if issparse(values):
        return values.toarray()
    native = nw.from_native(values, allow_series=True, pass_through=True)
    if isinstance(native, nw.Series):
        return _series_values(native)
    if isinstance(native, nw.DataFrame):
        return native.to_numpy()
    if not hasattr(values, "__array__") and (isinstance(values, str | bytes) or not hasattr(values, "__len__")):
        raise ValueError(f"The target of task {name!r} should be array-like, got {values!r} instead.")
    try:
        return _from_list(values)
    except ValueError:  # ragged: one list of labels per row
        return _object_array(values)


def _from_list(values: Any) -> np.ndarray:
    array = np.asarray(values)
    if not isinstance(values, list | tuple):
        return array
    # numpy writes [1, "a"] and [None, "a"] as text or object; keep the labels as they are
    if array.dtype.kind in "US" and any(not isinstance(value, str | bytes) for value in values):
        return np.asarray(values, dtype=object)
    return array


def _object_array(values: Any) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):  # a slice would take lists of one length for a second axis
        array[row] = value
    return array


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape:
        return False
    absent = is_missing(a)
    if not np.array_equal(absent, is_missing(b)):
        return False
    a, b = a[~absent], b[~absent]
    if a.dtype.kind == b.dtype.kind == "O":  # an element may be an array of labels
        return all(np.array_equal(one, other) for one, other in zip(a, b, strict=True))
    return np.array_equal(a, b)


def _stack(arrays: list[np.ndarray]) -> np.ndarray:
    columns = [array if array.ndim > 1 else array[:, None] for array in arrays]
    mixed = {array.dtype.kind in "OUS" for array in columns} == {True, False}
    if mixed:  # numpy would write the numbers as text
        columns = [array.astype(object) for array in columns]
    # numpy's default float, as scikit-learn expects of regressors with several outputs
    narrow = all(array.dtype.kind == "f" for array in columns)
    return np.hstack(columns).astype(np.float64) if narrow else np.hstack(columns)


def _structured(labels: list, arrays: list[np.ndarray]) -> np.ndarray:
    fields = [(label, a.dtype, a.shape[1:]) for label, a in zip(labels, arrays, strict=True)]
    result = np.empty(len(arrays[0]), dtype=fields)
    for label, array in zip(labels, arrays, strict=True):
        result[label] = array
    return result


def _frame(kind: str, labels: list, arrays: list[np.ndarray], X: Any) -> Any:
    library = import_optional(kind, "frames", f"predict for a model fitted with a {kind} frame")
    columns = dict(zip(labels, (a if a.ndim == 1 else list(a) for a in arrays), strict=True))
    if kind == "polars":
        return library.DataFrame(columns)
    index = X.index if isinstance(X, library.DataFrame | library.Series) else None
    return library.DataFrame(columns, index=index)
