"""`Targets`: several targets of the same rows."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.utils import _safe_indexing

from ..columns._labels import Categories, Facts, facts_of, read_labels
from ._frames import FRAME_TYPES
from ._naming import named_targets
from ._rows import are_equal, as_rows, different_labels

# Maximum numbers of tasks, of labels per task, and of characters per task in the representation.
_MOST_SHOWN = 10
_MOST_LETTERS = 80


class Targets(dict[str, np.ndarray]):
    """A mapping from task to target that scikit-learn can index by rows.

    A plain dict of targets cannot go through `GridSearchCV` or `train_test_split`: scikit-learn takes the
    number of keys for the number of rows. `Targets` has the length, shape and indexing of an array of rows, and is
    otherwise a read-only mapping. The types of tasks are inferred from all rows, so they are the same in each
    fold.

    Parameters
    ----------
    data : mapping, frame, structured array or list of dict, default=()
        One target per task, array-like of shape (n_samples, ...); a frame of pandas, polars or pyarrow; or one
        dict per row. Missing labels are NaN, None or pandas' NA.
    **tasks : array-like of shape (n_samples, ...)
        Targets by keyword.

    Raises
    ------
    ValueError, TypeError
        If data has another type or no target, names a task twice, or its targets differ in length.

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

    #: the original frames and categorical columns, from which the arrays were read
    _given: Mapping[str, Any] = MappingProxyType({})
    #: the container that predictions of a model of these targets are returned in; None for `Targets`
    _container: Any = None
    _categories: dict[str, Categories]
    _of_whole: Mapping[str, Facts]
    #: build the subclass that stores labels only; set where it is defined
    _read_sparse: ClassVar[Callable[..., Targets]]
    _read_long: ClassVar[Callable[..., Targets]]

    def __init__(self, data: Any = (), /, **tasks: Any) -> None:
        given = [*named_targets(data), *tasks.items()]
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
        """Build targets from arrays, without reading them again."""
        targets = cls.__new__(cls)
        dict.__init__(targets, columns)
        targets._categories, targets._of_whole = categories, of_whole
        return targets

    @classmethod
    def from_sparse(cls, Y: Any, names: Sequence[Any] | None = None) -> Targets:
        """Read a sparse matrix of rows x tasks, of which only the stored elements are labels.

        What is stored is a label, zeros too; what is not stored is missing. A fit computes losses only for the
        labels, and neither time nor memory grows with the missing ones.

        Parameters
        ----------
        Y : sparse matrix or array of shape (n_samples, n_tasks), in format "coo", "csr" or "csc"
            A stored NaN is missing.
        names : sequence of str or None, default=None
            Names of the tasks; None for "0", "1", ...

        Returns
        -------
        Targets
            Storing the labels only. The target of a task by its name is an array of all rows, with NaN or None
            where its label is missing.

        Raises
        ------
        TypeError
            If Y is not sparse, or has a format that does not tell a label 0 from a missing one.
        ValueError
            If a row has two labels of a task, or names do not match the columns.

        Examples
        --------
        >>> from scipy.sparse import coo_array
        >>> from sklearn_mtl import Targets
        >>> rows, tasks, labels = [0, 2, 2], [0, 0, 1], [1.0, 0.0, 0.5]
        >>> y = Targets.from_sparse(coo_array((labels, (rows, tasks)), shape=(3, 2)), names=["active", "dose"])
        >>> y
        Targets(3 rows, 2 tasks, 3 labels)
        >>> y["active"]
        array([ 1., nan,  0.])
        """
        return cls._read_sparse(Y, names)

    @classmethod
    def from_long(
        cls, row: Any, task: Any, label: Any, *, n_rows: int | None = None, names: Sequence[Any] | None = None
    ) -> Targets:
        """Read one entry per label: its row, its task and itself, as in a long table.

        A fit computes losses only for the labels, and neither time nor memory grows with the missing ones.

        Parameters
        ----------
        row : array-like of int of shape (n_labels,)
            Position of the row in X, from 0.
        task : array-like of shape (n_labels,)
            Name of the task.
        label : array-like of shape (n_labels,)
            Numbers, bools or texts; a missing one is left out.
        n_rows : int or None, default=None
            Number of rows of X; None for the largest of ``row`` and one.
        names : sequence of str or None, default=None
            All tasks, in order; None for those in ``task``, in the order of their first labels.

        Returns
        -------
        Targets
            As of `from_sparse`.

        Raises
        ------
        TypeError, ValueError
            If the arrays differ in length, a row is not below ``n_rows``, a task is not in ``names``, or a row has
            two labels of a task.

        Examples
        --------
        >>> from sklearn_mtl import Targets
        >>> y = Targets.from_long(row=[0, 2, 2], task=["a", "a", "b"], label=["yes", "no", "no"], n_rows=4)
        >>> y["b"]
        array([None, None, 'no', None], dtype=object)
        """
        return cls._read_long(row, task, label, n_rows, names)

    @property
    def is_sparse(self) -> bool:
        """Whether only the labels are stored: the targets come from `from_sparse` or `from_long`."""
        return False

    def labels_of(self, name: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the labels of a task, and the rows that they are of; None if they are of all rows.

        Labels of all rows may be missing. Those of some rows are all that the task has.
        """
        return self[name], None

    def as_given(self, name: str) -> Any:
        """Return the original frame or categorical column of a target or input; otherwise its array."""
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
        """Return the target of a task by its name, or some rows of all targets."""
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
        """Return the facts about the labels of each task, from all rows if these are a part of them."""
        if not self._of_whole:
            self._of_whole = {k: facts_of(values, self._categories.get(k)) for k, values in self.items()}
        return self._of_whole

    def facts_of(self, name: str, rows: np.ndarray | None = None) -> Facts:
        """Return the facts about the labels of a task, from all rows if these are a part of them."""
        known = self._of_whole.get(name)
        if known is None:
            values = self[name] if rows is None else self[name][rows]
            known = facts_of(values, self._categories.get(name))
        return known

    def _named(self, names: Sequence[str]) -> Targets:
        """Return targets with other names, in order."""
        new = dict(zip(self, names, strict=True))
        return self._of(
            {new[name]: values for name, values in self.items()},
            {new[name]: said for name, said in self._categories.items()},
            {new[name]: known for name, known in self._of_whole.items()},
        )

    def _select(self, names: Sequence[str]) -> Targets:
        """Return some of the targets, in the order of the names."""
        return self._of({name: self[name] for name in names}, self._categories, self._of_whole)

    def _with(self, name: str, values: Any) -> Targets:
        """Return targets in which a task has other labels, or is one more."""
        labels, said = read_labels(values, name)
        others = {other: known for other, known in self._categories.items() if other != name}
        return self._of(
            {**self, name: labels},
            others if said is None else {**others, name: said},
            {other: known for other, known in self._of_whole.items() if other != name},
        )

    def _filled(self, labels: Mapping[str, np.ndarray], container: Any = None) -> Targets:
        """Return targets with other labels of some tasks, whose types are still inferred from the present labels.

        Parameters
        ----------
        labels : mapping of str to ndarray
            New labels of some tasks, in the form of the present ones.
        container : Container or None, default=None
            What a model of the new targets returns predictions in; None for `Targets`.
        """
        filled = self._of({**self, **labels}, self._categories, self.facts())
        filled._container = container
        return filled

    def categories_of(self, name: str) -> Categories | None:
        """Return the categories of the dtype of a target, if it has any."""
        return self._categories.get(name)

    def to_frame(self, library: str = "pandas") -> Any:
        """Convert the targets to a frame with a column for each task.

        Parameters
        ----------
        library : {"pandas", "polars", "pyarrow"}, default="pandas"
            Library of the frame.

        Returns
        -------
        DataFrame or Table with n_samples rows
            A target of several columns is a column of lists.
        """
        frames = {frame.kind: frame for frame in FRAME_TYPES}
        if library not in frames:
            raise ValueError(f"library={library!r} should be one of {sorted(frames)}.")
        frame = frames[library]
        columns = {name: frame.column(values, self._categories.get(name)) for name, values in self.items()}
        return frame.make(columns, "to_frame")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the rows as an array of shape (n_samples, n_tasks), of objects if the types differ."""
        if copy is False:
            raise ValueError(
                "Targets cannot be converted to an array without a copy; pass copy=None or copy=True."
            )
        return np.asarray(as_rows(list(self.values())), dtype=dtype)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Targets) or list(self) != list(other):
            return False
        return all(are_equal(values, other[name]) for name, values in self.items())

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
        if "_columns" in state:  # pickled by an earlier version
            dict.update(self, state["_columns"])
            self._categories, self._of_whole = {}, {}

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        # cross_val_predict joins the predictions of the folds with this one function
        if function is np.concatenate:
            parts: Sequence[Targets] = args[0]
            first, *others = parts
            columns = {name: np.concatenate([part[name] for part in parts]) for name in first}
            # parts of one whole have its categories and facts, and so has their concatenation
            categories = all(other._categories == first._categories for other in others)
            of_whole = all(other._of_whole == first._of_whole for other in others)
            return self._of(columns, first._categories if categories else {}, first._of_whole if of_whole else {})
        if function is np.unique:  # learning_curve asks for the classes of all tasks
            return different_labels(list(self.values()))
        arrays = [np.asarray(arg) if isinstance(arg, Targets) else arg for arg in args]
        return function(*arrays, **kwargs)

    def copy(self) -> Targets:
        """Return a shallow copy."""
        return copy.copy(self)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        """Raise an error: targets cannot be changed."""
        raise TypeError("Targets cannot be changed; build new ones: Targets({**targets, name: values}).")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


def _has_dtypes(values: Any) -> bool:
    """Return whether values are a frame or a categorical column, whose dtypes an array would lose."""
    native = nw.from_native(values, allow_series=True, pass_through=True)
    is_series = isinstance(native, nw.Series)
    return isinstance(native, nw.DataFrame) or (is_series and isinstance(native.dtype, nw.Categorical | nw.Enum))


def _short(values: np.ndarray) -> str:
    """Format some labels of a task on one line."""
    with np.printoptions(threshold=_MOST_SHOWN, edgeitems=3, linewidth=10_000):
        text = " ".join(str(values).split())
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]} ..."
