"""`Targets`: several targets of the same rows, and the way from any y to them and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing

from ..columns._columns import plain
from ..columns._labels import Categories, Facts, as_target, facts_of, objects_of, read_labels
from ..columns._missing import is_missing
from ..utils._optional import import_optional

__all__ = ["Container", "Targets", "align_targets", "name_of", "read_targets", "told_of_whole"]

# What is known of the whole columns that the targets of a fit are rows of, while a search fits folds.
_OF_WHOLE: ContextVar[Mapping[str, Facts] | None] = ContextVar("_OF_WHOLE", default=None)
# Of how many tasks, and how many of their labels, are shown.
_MOST_SHOWN = 10
_MOST_LETTERS = 80


class Targets(dict[str, np.ndarray]):
    """A mapping from task to target that scikit-learn can index by rows.

    A plain dict of targets cannot go through `GridSearchCV` or `train_test_split`: scikit-learn takes the
    number of keys for the number of rows. `Targets` has the length, the shape and the indexing of an array of
    rows, and everything else of a read-only mapping. Some of its rows are read as the whole is: a fold trains the
    types of tasks that all rows would.

    Parameters
    ----------
    data : mapping, frame, structured array or list of dict, default=()
        One target per task, array-like of shape (n_samples, ...), or a frame of pandas, polars or pyarrow, or one
        dict per row. Missing labels are NaN, None or pandas' NA.
    **tasks : array-like of shape (n_samples, ...)
        The same by keyword.

    Raises
    ------
    ValueError, TypeError
        If there is no target, a task is named twice, or the targets differ in length; if it is nothing of these.

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
    >>> y.to_frame()
      species    mass
    0  Adelie  3750.0
    1  Gentoo     NaN
    2  Adelie  3250.0
    """

    #: what was given as a frame or as categories, whose rows are those of the arrays
    _given: Mapping[str, Any] = MappingProxyType({})
    _categories: dict[str, Categories]
    _of_whole: Mapping[str, Facts]

    def __init__(self, data: Any = (), /, **tasks: Any) -> None:
        given = [*_pairs_of(data), *tasks.items()]
        labels = {str(name): read_labels(values, str(name)) for name, values in given}
        if len(labels) < len(given):
            raise ValueError(f"Targets names a task more than once: {[name for name, _ in given]}.")
        if not labels:
            raise ValueError("Targets needs at least one task.")
        lengths = {name: len(values) for name, (values, _) in labels.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"The targets of all tasks need the same number of rows; got {lengths}.")
        super().__init__({name: values for name, (values, _) in labels.items()})
        self._categories = {name: said for name, (_, said) in labels.items() if said is not None}
        self._of_whole = {}
        self._given = {str(name): values for name, values in given if _has_dtypes(values)}
        if isinstance(data, Targets):
            self._categories = data._categories | self._categories
            self._of_whole = data._of_whole
            self._given = {**data._given, **self._given}

    @classmethod
    def _of(
        cls, columns: Mapping[str, np.ndarray], categories: dict[str, Categories], of_whole: Mapping[str, Facts]
    ) -> Targets:
        """Make targets of arrays that are read already."""
        targets = cls.__new__(cls)
        dict.__init__(targets, columns)
        targets._categories, targets._of_whole = categories, of_whole
        return targets

    def as_given(self, name: str) -> Any:
        """Get a target, or an input, as it was given where that is a frame or categories, else as an array."""
        return self._given.get(name, self[name])

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of tasks."""
        return len(self), len(self.keys())

    @property
    def ndim(self) -> int:
        """Two: rows and tasks."""
        return 2

    def __len__(self) -> int:
        return len(next(iter(self.values())))

    def __getitem__(self, key: Any) -> Any:
        """Get the target of a task by its name, or some rows of all of them."""
        if isinstance(key, str):
            return super().__getitem__(key)
        if isinstance(key, tuple):  # scikit-learn indexes arrays of rows with (rows, ...)
            key = key[0]
        if isinstance(key, int | np.integer):
            return {name: values[key] for name, values in self.items()}
        part = self._of({name: values[key] for name, values in self.items()}, self._categories, self.facts())
        part._given = {name: _safe_indexing(values, key) for name, values in self._given.items()}
        return part

    def facts(self) -> Mapping[str, Facts]:
        """Give what is known of the labels of each task, or of those that these are some rows of."""
        if not self._of_whole:
            self._of_whole = {k: facts_of(values, self._categories.get(k)) for k, values in self.items()}
        return self._of_whole

    def facts_of(self, name: str, rows: np.ndarray | None = None) -> Facts:
        """Give what is known of the labels of a task; of these rows only, if they are no part of a whole."""
        known = self._of_whole.get(name)
        if known is None:
            values = self[name] if rows is None else self[name][rows]
            known = facts_of(values, self._categories.get(name))
        return known

    def _named(self, names: Sequence[str]) -> Targets:
        """Give the tasks other names, in order."""
        new = dict(zip(self, names, strict=True))
        return self._of(
            {new[name]: values for name, values in self.items()},
            {new[name]: said for name, said in self._categories.items()},
            {new[name]: known for name, known in self._of_whole.items()},
        )

    def categories_of(self, name: str) -> Categories | None:
        """Give the categories that the dtype of a target names, if it names any."""
        return self._categories.get(name)

    def to_frame(self, library: str = "pandas") -> Any:
        """Make a frame with a column for each task.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, default="pandas"
            Whose frame.

        Returns
        -------
        DataFrame or Table with n_samples rows
            A target of several columns is a column of lists.
        """
        if library not in ("pandas", "polars", "pyarrow"):
            raise ValueError(f"library={library!r} should be 'pandas', 'polars' or 'pyarrow'.")
        columns: list[Any] = list(self.values())
        if library == "pandas":
            pandas = import_optional("pandas", "frames", "to_frame")
            columns = [_pandas_column(pandas, self[name], self._categories.get(name)) for name in self.keys()]
        return _frame(library, list(self.keys()), columns, None)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Give the rows as an array of shape (n_samples, n_tasks), of objects if tasks are of several kinds."""
        if copy is False:
            raise ValueError("the rows of Targets cannot be made an array without a copy.")
        return np.asarray(_as_rows(list(self.values())), dtype=dtype)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Targets) or list(self) != list(other):
            return False
        return all(_equal(values, other[name]) for name, values in self.items())

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        names = list(self)
        shown = [f"{name}={_short(self[name])}" for name in names[:_MOST_SHOWN]]
        more = f", and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
        return f"Targets({', '.join(shown)}{more})"

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"_given": dict(self._given)} if self._given else None
        return Targets._of, (dict(self), self._categories, self._of_whole), state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self._given = state.get("_given", {})
        if "_columns" in state:  # as earlier versions pickled it
            dict.update(self, state["_columns"])
            self._categories, self._of_whole = {}, {}

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        # cross_val_predict joins the predictions of the folds with this one function
        if function is np.concatenate:
            parts: Sequence[Targets] = args[0]
            first, *others = parts
            columns = {name: np.concatenate([part[name] for part in parts]) for name in first}
            # parts of one whole are read as it is, and so is what they make together
            categories = all(other._categories == first._categories for other in others)
            of_whole = all(other._of_whole == first._of_whole for other in others)
            return self._of(columns, first._categories if categories else {}, first._of_whole if of_whole else {})
        if function is np.unique:  # learning_curve asks for the classes of all tasks
            return _different(self)
        arrays = [np.asarray(arg) if isinstance(arg, Targets) else arg for arg in args]
        return function(*arrays, **kwargs)

    def copy(self) -> Targets:
        """Give other targets of the same arrays."""
        return self._of(self, self._categories, self._of_whole)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse to change."""
        raise TypeError("Targets cannot be changed; make other ones: Targets({**targets, name: values}).")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


def _pairs_of(data: Any) -> list[tuple[Any, Any]]:
    """Give the names and targets of anything that names its targets."""
    if isinstance(data, Mapping):
        return list(data.items())
    names = getattr(getattr(data, "dtype", None), "names", None)
    if isinstance(data, np.ndarray) and names:
        return [(name, data[name]) for name in names]
    frame = _as_frame(data)
    if frame is not None:
        return [(label, frame[:, i]) for i, label in enumerate(frame.columns)]
    if _is_records(data):
        names = list(dict.fromkeys(name for row in data for name in row))
        return [(name, [row.get(name) for row in data]) for name in names]
    try:
        return [(name, values) for name, values in data]
    except (TypeError, ValueError) as error:
        raise TypeError(
            "Targets takes a mapping from task to target, a frame, a structured array, a list with a dict for "
            f"each row, or targets by keyword; got {type(data).__name__}."
        ) from error


def _is_records(data: Any) -> bool:
    return isinstance(data, list | tuple) and bool(data) and all(isinstance(row, dict) for row in data)


def _as_frame(data: Any) -> nw.DataFrame | None:
    try:
        native = nw.from_native(data, allow_series=True, pass_through=True)
    except DuplicateError as error:
        raise ValueError(f"y names a task more than once. {error}") from error
    return native if isinstance(native, nw.DataFrame) else None


@dataclass(frozen=True)
class Container:
    """What kind of object held the targets, so that predictions come back in the same kind.

    Parameters
    ----------
    kind : {"array", "matrix", "pandas", "polars", "pyarrow", "structured", "targets"}
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
        if self.kind in ("pandas", "polars", "pyarrow"):
            return _frame(self.kind, labels, arrays, X)
        return Targets._of({name: columns[name] for name in self.names if name in columns}, {}, {})


def read_targets(y: Any) -> tuple[Targets, Container]:
    """Read any kind of y as `Targets`.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_tasks), structured array, frame, mapping or Targets
        A 1-D y is one task, named after its Series or "y". The columns of a 2-D array are tasks "0", "1", ...
        Everything else, a list with a dict for each row too, names its tasks.

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
    if issparse(y):
        raise TypeError("Sparse y is not supported; pass y.toarray(), or a mapping from task to target.")
    if isinstance(y, Targets):
        return _as_whole(_as_targets(y)), Container("targets", tuple(y), tuple(y))
    if isinstance(y, Mapping) or _is_records(y):
        pairs = _pairs_of(y)
        return _read("targets", [name for name, _ in pairs], [values for _, values in pairs])
    y = plain(y)
    frame = _as_frame(y)
    if frame is not None:
        library = frame.implementation
        kind = "pandas" if library.is_pandas() else "pyarrow" if library.is_pyarrow() else "polars"
        return _read(kind, frame.columns, [frame[:, i] for i in range(frame.shape[1])])
    series = nw.from_native(y, allow_series=True, pass_through=True)
    if isinstance(series, nw.Series):
        return _read("array", ["y" if series.name in (None, "") else series.name], [y])
    array = _as_array(y)
    if array.dtype.names:
        return _read("structured", list(array.dtype.names), [array[name] for name in array.dtype.names])
    if array.ndim == 1:
        return _read("array", ["y"], [array])
    if array.ndim != 2:
        raise ValueError(f"y should be a 1d or 2d array, got an array of shape {array.shape} instead.")
    return _read("matrix", list(range(array.shape[1])), list(array.T))


def align_targets(y: Any, names: Sequence[str]) -> tuple[Targets, Container]:
    """Read y for tasks that are known already.

    Columns without names of their own are taken in order; named ones in any order, others are ignored.

    Raises
    ------
    ValueError
        If a task has no column.
    """
    if len(names) == 1 and isinstance(y, list) and not _is_records(y):
        y = {names[0]: y}  # lists of labels are sets of labels, even if all are of one length
    targets, container = read_targets(y)
    if container.kind in ("array", "matrix") and len(container.names) == len(names):
        return targets._named(names), container
    lacking = [name for name in names if name not in targets]
    if lacking:
        raise ValueError(f"y lacks the tasks {lacking}; it has {list(targets)}.")
    return Targets._of({k: targets[k] for k in names}, targets._categories, targets._of_whole), container


def name_of(key: Any, names: Any) -> Any:
    """Give the task that a key means: an integer is the name of a column, as frames and arrays have them."""
    if key not in names and isinstance(key, int | np.integer) and not isinstance(key, bool):
        return str(key) if str(key) in names else key
    return key


@contextmanager
def told_of_whole(y: Any) -> Iterator[None]:
    """Read targets, as long as this lasts, as rows of those of y.

    Parameters
    ----------
    y : object
        All targets of a search, of which its folds are some rows.
    """
    token = _OF_WHOLE.set(read_targets(y)[0].facts())
    try:
        yield
    finally:
        _OF_WHOLE.reset(token)


def _read(kind: str, labels: list, columns: list) -> tuple[Targets, Container]:
    names = tuple(str(label) for label in labels)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"y names a task more than once: {twice}.")
    if not names:
        raise ValueError("y has no columns: at least one task is needed.")
    targets = _as_targets(Targets(zip(names, columns, strict=True)))
    return _as_whole(targets), Container(kind, names, tuple(labels))


def _as_targets(given: Targets) -> Targets:
    """Make each column what tasks take, see `as_target`."""
    return Targets._of({k: as_target(values) for k, values in given.items()}, given._categories, given._of_whole)


def _as_whole(targets: Targets) -> Targets:
    """Tell targets of the whole that they are rows of, if a search said so."""
    of_whole = _OF_WHOLE.get()
    if not targets._of_whole and of_whole is not None and of_whole.keys() == targets.keys():
        targets._of_whole = of_whole
    return targets


def _has_dtypes(values: Any) -> bool:
    """Tell whether values are a frame, or categories, which an array would forget."""
    native = nw.from_native(values, allow_series=True, pass_through=True)
    is_series = isinstance(native, nw.Series)
    return isinstance(native, nw.DataFrame) or (is_series and isinstance(native.dtype, nw.Categorical | nw.Enum))


def _as_array(y: Any) -> np.ndarray:
    """Read y without names as scikit-learn does: lists of one length are the rows of a 2-D array."""
    array = read_labels(y, "y").values
    if array.dtype.kind == "O" and array.ndim == 1 and isinstance(y, list | tuple):
        lengths = {len(row) if isinstance(row, list | tuple) else -1 for row in array}
        if len(lengths) == 1 and -1 not in lengths:
            return np.array([list(row) for row in array])
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


def _different(targets: Targets) -> np.ndarray:
    """Give the different labels of all tasks, missing ones left out."""
    found: dict[Any, None] = {}
    for values in targets.values():
        found |= dict.fromkeys(values[~is_missing(values)].ravel().tolist())
    labels = list(found)
    try:
        labels.sort()
    except TypeError:  # texts and numbers
        labels.sort(key=lambda label: (type(label).__name__, label))
    mixed = len({isinstance(label, str) for label in labels}) > 1
    return objects_of(labels) if mixed else np.array(labels)


class _Text(str):
    """A text among numbers: scikit-learn sorts all labels of an array before it looks what they are."""

    __slots__ = ()

    def __lt__(self, other: object) -> bool:
        return str.__lt__(self, other) if isinstance(other, str) else False

    def __gt__(self, other: object) -> bool:
        return str.__gt__(self, other) if isinstance(other, str) else True


def _as_rows(columns: list[np.ndarray]) -> np.ndarray:
    if len(columns) == 1 and columns[0].ndim > 1:
        return columns[0]
    kinds = {column.dtype.kind if column.ndim == 1 else "O" for column in columns}
    if kinds <= set("biuf") or kinds == {"U"}:
        return np.column_stack(columns)
    rows = np.empty((len(columns[0]), len(columns)), dtype=object)
    for number, column in enumerate(columns):
        rows[:, number] = objects_of(column)
        rows[is_missing(rows[:, number]), number] = np.nan
    return objects_of([_sortable(value) for value in rows.flat]).reshape(rows.shape)


def _sortable(value: Any) -> Any:
    """Make a label one that Python sorts among others: numbers of numpy do not compare with texts."""
    if isinstance(value, str):
        return _Text(value)
    return value.item() if isinstance(value, np.generic) else value


def _short(values: np.ndarray) -> str:
    """Write some of the labels of a task, on one line."""
    with np.printoptions(threshold=_MOST_SHOWN, edgeitems=3, linewidth=10_000):
        text = " ".join(str(values).split())
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]} ..."


def _pandas_column(pandas: Any, values: np.ndarray, categories: Categories | None) -> Any:
    """Make a column of pandas in the dtype that the labels came in."""
    if categories is not None:
        return pandas.Categorical(values, categories=list(categories.values), ordered=categories.ordered)
    if values.dtype.kind == "O" and values.ndim == 1:
        kind = facts_of(values).kind
        if kind in ("integer", "boolean"):
            return pandas.array(values, dtype="Int64" if kind == "integer" else "boolean")
    return values


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


def _frame(kind: str, labels: list, arrays: list[Any], X: Any) -> Any:
    library = import_optional(kind, "frames", f"predict for a model fitted with a {kind} frame")
    columns = dict(zip(labels, (a if a.ndim == 1 else list(a) for a in arrays), strict=True))
    if kind == "pyarrow":
        return library.table({str(label): library.array(values) for label, values in columns.items()})
    if kind == "polars":
        return library.DataFrame(columns)
    index = X.index if isinstance(X, library.DataFrame | library.Series) else None
    return library.DataFrame(columns, index=index)
