"""Targets of many tasks with few labels: only the labels are stored."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from typing import Any

import numpy as np
from scipy import sparse

from ..columns._labels import Facts, facts_of, read_labels
from ..columns._missing import is_missing
from ._targets import Targets

# Formats of scipy that store exactly what was put in. Others fill blocks and diagonals with zeros, or drop zeros.
_EXACT = ("coo", "csr", "csc")


class SparseTargets(Targets):
    """Targets that store the labels of each task with their rows; a row without one has none.

    The target of a task by its name is an array of all rows, made when asked for: floats with NaN, or objects with
    None, so that integers and bools stay what they are. Nothing in training asks for it.
    """

    #: the labels of task t are ``_labels[_starts[t]:_starts[t + 1]]``, those of the rows ``_rows``, in order
    _starts: np.ndarray
    _rows: np.ndarray
    _labels: np.ndarray
    _n_rows: int

    def __init__(
        self, starts: np.ndarray, rows: np.ndarray, labels: np.ndarray, n_rows: int, names: Sequence[str]
    ):
        numbers: dict[str, Any] = {name: number for number, name in enumerate(names)}
        dict.__init__(self, numbers)
        self._starts, self._rows, self._labels, self._n_rows = starts, rows, labels, n_rows
        self._categories, self._of_whole = {}, {}

    @classmethod
    def _of(cls, *args: Any) -> Targets:
        return Targets._of(*args)  # columns of arrays

    # -- labels

    @property
    def is_sparse(self) -> bool:
        return True

    def labels_of(self, name: str) -> tuple[np.ndarray, np.ndarray | None]:
        number = dict.__getitem__(self, name)
        own = slice(self._starts[number], self._starts[number + 1])
        return self._labels[own], self._rows[own]

    @property
    def n_labels(self) -> np.ndarray:
        """Number of labels of each task, (n_tasks,)."""
        return np.diff(self._starts)

    def facts_of(self, name: str, rows: np.ndarray | None = None) -> Facts:
        known = self._of_whole.get(name)
        if known is None:
            labels = self.labels_of(name)[0]
            known = facts_of(labels if rows is None else labels[rows])
            known = known._replace(has_gaps=len(labels) < self._n_rows)
        return known

    def facts(self) -> Mapping[str, Facts]:
        if not self._of_whole:
            self._of_whole = {name: self.facts_of(name) for name in self}
        return self._of_whole

    # -- the mapping, without storing the arrays

    def __len__(self) -> int:
        return self._n_rows

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self)

    def values(self) -> Any:
        return ValuesView(self)

    def items(self) -> Any:
        return ItemsView(self)

    def get(self, name: Any, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 it is this method

    def __getitem__(self, key: Any) -> Any:
        """Return the target of a task by its name, or some rows of all targets."""
        if isinstance(key, str):
            labels, rows = self.labels_of(key)
            numbers = labels.dtype.kind == "f"
            column = np.full(self._n_rows, np.nan if numbers else None, dtype=labels.dtype if numbers else object)
            column[rows] = labels
            return column
        if isinstance(key, tuple):  # scikit-learn indexes arrays of rows with (rows, ...)
            key = key[0]
        if isinstance(key, int | np.integer):
            part = self[[key]]
            return {name: part[name][0] for name in part}
        numbered = (np.arange(len(self._rows)), self._rows, self._starts)
        shape = (self._n_rows, len(self.keys()))
        picked = sparse.csc_array(numbered, shape=shape).tocsr()[np.arange(self._n_rows)[key]].tocsc()
        picked.sort_indices()
        part = SparseTargets(
            picked.indptr.astype(np.int64), picked.indices, self._labels[picked.data], picked.shape[0], list(self)
        )
        part._of_whole = self.facts()
        return part

    # -- other tasks, other forms

    def _named(self, names: Sequence[str]) -> SparseTargets:
        named = SparseTargets(self._starts, self._rows, self._labels, self._n_rows, names)
        named._of_whole = {
            new: self._of_whole[old] for new, old in zip(names, self, strict=True) if old in self._of_whole
        }
        return named

    def _select(self, names: Sequence[str]) -> SparseTargets:
        if list(names) == list(self):
            return self
        parts = [self.labels_of(name) for name in names]
        starts = np.cumsum([0, *(len(labels) for labels, _ in parts)])
        rows = np.concatenate([rows for _, rows in parts if rows is not None])
        chosen = SparseTargets(starts, rows, np.concatenate([p[0] for p in parts]), self._n_rows, names)
        chosen._of_whole = {name: self._of_whole[name] for name in names if name in self._of_whole}
        return chosen

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SparseTargets):
            mine, theirs = ((t._starts, t._rows, t._labels) for t in (self, other))
            same = len(self) == len(other) and list(self) == list(other)
            return same and all(np.array_equal(*pair) for pair in zip(mine, theirs, strict=True))
        return super().__eq__(other)

    __hash__ = None

    def __repr__(self) -> str:
        n_rows, n_tasks = self.shape
        return f"Targets({n_rows} rows, {n_tasks} tasks, {len(self._labels)} labels)"

    def __reduce__(self) -> tuple[Any, ...]:
        arrays = (self._starts, self._rows, self._labels, self._n_rows, list(self))
        return SparseTargets, arrays, {"_of_whole": dict(self._of_whole)}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self._of_whole = state["_of_whole"]

    def copy(self) -> SparseTargets:
        return self._named(list(self))


def read_sparse(Y: Any, names: Sequence[Any] | None) -> SparseTargets:
    """Read a sparse matrix whose stored elements are labels; see `Targets.from_sparse`."""
    if not sparse.issparse(Y) or Y.ndim != 2:
        raise TypeError(f"from_sparse takes a sparse matrix of rows x tasks, got {type(Y).__name__}.")
    if Y.format not in _EXACT:
        raise TypeError(
            f"from_sparse takes the formats {list(_EXACT)}, got {Y.format!r}, which does not tell a label 0 from "
            "a missing one; convert it with Y.tocsr()."
        )
    n_rows, n_tasks = Y.shape
    if names is None:
        names = range(n_tasks)
    if len(names) != n_tasks:
        raise ValueError(f"names has {len(names)} entries, but Y has {n_tasks} columns.")
    coo = Y.tocoo(copy=False)
    return _of_triples(coo.row, coo.col, coo.data, n_rows, _unique_names(names))


def read_long(row: Any, task: Any, label: Any, n_rows: int | None, names: Sequence[Any] | None) -> SparseTargets:
    """Read one entry per label; see `Targets.from_long`."""
    rows, tasks, labels = (read_labels(v, n).values for v, n in ((row, "row"), (task, "task"), (label, "label")))
    if not rows.ndim == tasks.ndim == labels.ndim == 1 or len({len(rows), len(tasks), len(labels)}) > 1:
        shapes = [rows.shape, tasks.shape, labels.shape]
        raise ValueError(f"row, task and label should be 1-D and have one entry per label; got shapes {shapes}.")
    if len(rows) and rows.dtype.kind not in "iu":
        raise TypeError(f"row should hold the positions of rows in X, which are integers; got {rows.dtype}.")
    n_rows = (int(rows.max()) + 1 if len(rows) else 0) if n_rows is None else int(n_rows)
    wrong = np.flatnonzero((rows < 0) | (rows >= n_rows))
    if len(wrong):
        raise ValueError(f"row[{wrong[0]}]={rows[wrong[0]]} is none of the {n_rows} rows, 0 to {n_rows - 1}.")
    tasks = tasks.astype(str) if tasks.dtype.kind == "O" else tasks
    found, first, codes = np.unique(tasks, return_index=True, return_inverse=True)
    found = found.astype(str)
    if names is None:
        order = np.argsort(first)
        numbers, chosen = np.argsort(order), found[order].tolist()
    else:
        chosen = _unique_names(names)
        position = {name: number for number, name in enumerate(chosen)}
        unknown = [name for name in found.tolist() if name not in position]
        if unknown:
            raise ValueError(f"task has {unknown[:10]}, which names lacks.")
        numbers = np.array([position[name] for name in found.tolist()], dtype=np.int64)
    return _of_triples(rows, numbers[codes], labels, n_rows, chosen)


def _unique_names(names: Sequence[Any]) -> list[str]:
    texts = [str(name) for name in names]
    if len(set(texts)) < len(texts):
        raise ValueError("names names a task more than once.")
    return texts


def _of_triples(
    rows: np.ndarray, tasks: np.ndarray, labels: np.ndarray, n_rows: int, names: Sequence[str]
) -> SparseTargets:
    """Sort labels by task and row; a stored label that is missing counts as not stored."""
    if not names or not n_rows:
        raise ValueError(f"Targets needs at least one task and one row, got {len(names)} tasks, {n_rows} rows.")
    missing = is_missing(labels)
    if missing.any():
        rows, tasks, labels = rows[~missing], tasks[~missing], labels[~missing]
    order = np.lexsort((rows, tasks))
    rows, tasks, labels = rows[order], tasks[order], labels[order]
    twice = np.flatnonzero((np.diff(rows) == 0) & (np.diff(tasks) == 0))
    if len(twice):
        first = twice[0]
        raise ValueError(
            f"row {rows[first]} has more than one label of task {names[tasks[first]]!r}, as have {len(twice) - 1} "
            "others; keep one of each, or average them."
        )
    starts = np.searchsorted(tasks, np.arange(len(names) + 1))
    # rows of 32 bits halve the memory
    narrow = np.int32 if n_rows <= np.iinfo(np.int32).max else np.int64
    return SparseTargets(starts, rows.astype(narrow), labels, n_rows, names)


Targets._read_sparse, Targets._read_long = staticmethod(read_sparse), staticmethod(read_long)
