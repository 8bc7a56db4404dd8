"""The first pass over a stream: exact statistics, and rows that are kept: a sample, and those held out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from ..columns._categories import Levels, levels_of
from ..columns._columns import read_column
from ..columns._concatenate import below_each_other
from ..columns._frame import Frame, as_frame
from ..columns._missing import has_label, is_missing
from ..streaming._hash import hash_rows, mixed, shares_of
from ..streaming._prefetch import prefetched
from ..streaming._stream import Block, Reader
from ..targets import Targets, read_targets
from ..tasks import LabelStatistics
from ..trunks import rows_of
from ..utils._types import ColumnsLike, TargetsLike
from ._moments import Moments

# A row is kept for each category or class of a column, up to this many; for labels that are whole numbers or other
# numbers, up to fewer, because they are classes only if there are few.
MOST_CATEGORIES, MOST_WHOLE_NUMBERS, MOST_NUMBERS = 100_000, 1_000, 50
# Labelled rows of a task that are kept in any case: a random sample may have none of a rare task.
FEW_LABELS = 50


class Kept:
    """Rows whose share, a number from 0 to 1 that is drawn for each row, is below a threshold.

    If there are too many, the threshold is lowered: so the rows are a random sample of a stream of any length, and
    do not depend on its blocks.

    Parameters
    ----------
    threshold : float
    most : int
        Maximum number of rows, apart from those that are kept in any case.
    """

    def __init__(self, threshold: float, most: int) -> None:
        self.threshold, self.most = threshold, most
        self.parts: list[dict[str, Any]] = []
        self.n_drawn = 0

    def add(
        self, block: Block, start: int, chunk: int, shares: np.ndarray, always: np.ndarray | None = None
    ) -> None:
        """Add the rows of a block, of which ``always`` marks those that are kept in any case."""
        always = np.zeros(len(shares), dtype=bool) if always is None else always
        rows = np.flatnonzero((shares < self.threshold) | always)
        if not len(rows):
            return
        part = {"X": rows_of(block.X, rows), "y": None if block.y is None else rows_of(block.y, rows)}
        part |= {"shares": shares[rows], "always": always[rows], "positions": start + rows}
        part["chunks"] = np.full(len(rows), chunk)
        self.parts.append(part)
        self.n_drawn += int((part["shares"] < self.threshold).sum())
        if self.n_drawn > 1.25 * self.most:
            self.prune()

    def prune(self) -> None:
        """Lower the threshold until there are not too many rows."""
        shares = np.concatenate([part["shares"] for part in self.parts] or [np.empty(0)])
        drawn = shares[shares < self.threshold]
        if len(drawn) > self.most:
            self.threshold = float(np.partition(drawn, self.most)[self.most])
            self.parts = [part for part in map(self._below, self.parts) if len(part["shares"])]
        self.n_drawn = sum(int((part["shares"] < self.threshold).sum()) for part in self.parts)

    def _below(self, part: dict[str, Any]) -> dict[str, Any]:
        rows = np.flatnonzero((part["shares"] < self.threshold) | part["always"])
        return {name: values if values is None else rows_of(values, rows) for name, values in part.items()}

    def rows(self, targets: Targets | None) -> KeptRows:
        """Return the rows in the order of the stream."""
        self.prune()
        joined = {
            name: np.concatenate([part[name] for part in self.parts] or [np.empty(0)])
            for name in ("shares", "positions", "chunks")
        }
        X = below_each_other([part["X"] for part in self.parts]) if self.parts else None
        y: Any = None if targets is None else targets[joined["positions"].astype(int)]
        if targets is None and self.parts:
            y = below_each_other([part["y"] for part in self.parts])
        return KeptRows(X, y, joined["shares"] < self.threshold, joined["chunks"].astype(int))


@dataclass(frozen=True)
class KeptRows:
    """Rows in memory: inputs, targets, which of them were drawn at random, and their chunks of the source."""

    X: Any
    y: Any
    drawn: np.ndarray
    chunks: np.ndarray

    def __len__(self) -> int:
        return len(self.drawn)


@dataclass(frozen=True)
class Survey:
    """What a pass over a stream has found.

    Parameters
    ----------
    chunk_rows : ndarray of int of shape (n_chunks,)
        Rows of each chunk.
    sample : KeptRows
        Random rows, and a row for each category, class and kind of missing value that these lack.
    held_out : KeptRows
        Rows whose hash is below ``threshold``.
    threshold : float
    moments : Moments
        Of the columns of X; without numbers for columns of other types.
    labels : dict of str to LabelStatistics
        By task, as far as they are known exactly.
    fingerprint : str
        Digest of all rows, in their order.
    """

    chunk_rows: np.ndarray
    sample: KeptRows
    held_out: KeptRows
    threshold: float
    moments: Moments
    labels: dict[str, LabelStatistics] = field(repr=False)
    fingerprint: str

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.chunk_rows.sum())

    @property
    def training_rows(self) -> np.ndarray:
        """Rows of each chunk that are not held out."""
        held = np.bincount(self.held_out.chunks, minlength=len(self.chunk_rows))
        return np.asarray(self.chunk_rows - held)

    @property
    def is_exact(self) -> bool:
        """Whether the sample has all rows."""
        return bool(self.sample.drawn.sum() == self.n_rows)

    @property
    def sample_weight(self) -> np.ndarray | None:
        """Rows that each row of the sample stands for; None if it has all rows."""
        if self.is_exact:
            return None
        return np.where(self.sample.drawn, self.n_rows / max(self.sample.drawn.sum(), 1), 1.0)


def survey(
    reader: Reader, y: TargetsLike, share: float, categorical_features: ColumnsLike = "from_dtype"
) -> Survey:
    """Read a stream once.

    Parameters
    ----------
    reader : Reader
    y : object
        Targets that are not in the stream; ignored if the reader knows their columns.
    share : float
        Share of the rows to hold out; fewer if they do not fit into memory.
    categorical_features : object
        See `MultiTaskNetEstimator`.

    Raises
    ------
    ValueError
        If a column has infinite numbers, or too many categories, or targets have another number of rows.
    """
    targets = None if reader.labels else read_targets(y)[0]
    if targets is not None and len(targets) != reader.n_rows:
        raise ValueError(f"X of the stream has {reader.n_rows} rows, and y has {len(targets)}.")
    columns = _Columns(categorical_features)
    labels: dict[str, _Labels] = {}
    sample = Kept(1.0, min(reader.stream.sample_rows, reader.rows_in_memory))
    held_out = Kept(share, reader.rows_in_memory)
    chunk_rows, fingerprint, start = np.zeros(reader.n_chunks, dtype=np.int64), hashlib.sha256(), 0
    for chunk, block in prefetched(each_block(reader)):
        n_rows = len(block.X)
        positions = np.arange(start, start + n_rows, dtype=np.uint64)
        always = np.zeros(n_rows, dtype=bool)
        columns.add(block.X, always)
        for name, values in _labels_of(block, targets, n_rows).items():
            labels.setdefault(name, _Labels(name)).add(values, always)
        hashes = hash_rows(block.X)
        for of in (hashes, *([] if block.y is None else [hash_rows(block.y)])):
            fingerprint.update(int(np.add.reduce(mixed(of + positions))).to_bytes(8, "little"))
        sample.add(block, start, chunk, shares_of(mixed(positions)), always)
        if share:
            held_out.add(block, start, chunk, shares_of(hashes))
        chunk_rows[chunk] += n_rows
        start += n_rows
    return Survey(
        chunk_rows=chunk_rows,
        sample=sample.rows(targets),
        held_out=held_out.rows(targets),
        threshold=held_out.threshold if share else 0.0,
        moments=columns.moments,
        labels={name: each.statistics for name, each in labels.items()},
        fingerprint=fingerprint.hexdigest(),
    )


def each_block(reader: Reader, chunks: Sequence[int] | None = None) -> Iterator[tuple[int, Block]]:
    """Yield the blocks of some chunks, or of all, with the number of the chunk."""
    for chunk in range(reader.n_chunks) if chunks is None else chunks:
        for block in reader.blocks(chunk):
            yield chunk, block


def _labels_of(block: Block, targets: Targets | None, n_rows: int) -> Mapping[str, np.ndarray]:
    if targets is None:
        return read_targets(block.y)[0]
    assert block.start is not None
    part: Targets = targets[block.start : block.start + n_rows]
    return part


class _Seen:
    """The different values of a column, and how often they occur."""

    def __init__(self) -> None:
        self.counts: dict[Any, int] | None = {}

    def add(self, levels: Levels, most: int, always: np.ndarray) -> bool:
        """Mark the first row of each new value; return False if there are too many, which are then forgotten."""
        if self.counts is None:
            return False
        rows = np.bincount(levels.of_rows + 1, minlength=len(levels.values) + 1)[1:]
        new = [i for i, value in enumerate(levels.values) if rows[i] and value not in self.counts]
        if len(self.counts) + len(new) > most:
            self.counts = None
            return False
        for value, count in zip(levels.values, rows.tolist(), strict=True):
            if count:
                self.counts[value] = self.counts.get(value, 0) + count
        if new:
            found, first = np.unique(levels.of_rows, return_index=True)
            always[first[np.isin(found, new)]] = True
        return True


class _Columns:
    """Statistics of the columns of X."""

    def __init__(self, categorical_features: ColumnsLike) -> None:
        self.wanted = categorical_features
        self.seen: dict[int, _Seen] = {}
        self.moments = Moments(0)

    def add(self, X: Any, always: np.ndarray) -> None:
        frame = as_frame(X)
        if not self.moments.n_columns:
            self._start(X, frame)
        numbers = X[:, self.numeric] if frame is None else frame.numbers(self.numeric)
        numbers = np.asarray(numbers)
        if numbers.dtype.kind not in "fiub":
            return  # the fit of the trunk refuses it with its own words
        missing = self.moments.add(self.numeric, numbers.astype(np.float64, copy=False), self._name_of(frame))
        if missing is not None:
            of_block = missing.sum(axis=0)
            for place in np.flatnonzero((self.n_missing[self.numeric] == 0) & (of_block > 0)):
                always[int(missing[:, place].argmax())] = True
            self.n_missing[self.numeric] += of_block
        for position, seen in self.seen.items():
            self._add_levels(position, seen, X, frame, always)

    def _start(self, X: Any, frame: Frame | None) -> None:
        n_columns = X.shape[1]
        self.moments, self.n_missing = Moments(n_columns), np.zeros(n_columns, dtype=np.int64)
        kinds = ["number"] * n_columns if frame is None else [_kind_of(frame.dtype(i)) for i in range(n_columns)]
        chosen = self._chosen(frame, n_columns)
        self.seen = {i: _Seen() for i in range(n_columns) if i in chosen or kinds[i] == "category"}
        self.numeric = [i for i in range(n_columns) if kinds[i] == "number" and i not in chosen]

    def _chosen(self, frame: Frame | None, n_columns: int) -> set[int]:
        """Return the columns that the user calls categorical; the fit of the trunk checks them."""
        if self.wanted is None or isinstance(self.wanted, str):
            return set()
        wanted = np.asarray(self.wanted)
        if wanted.dtype.kind == "b":
            return set(np.flatnonzero(wanted).tolist())
        names = [] if frame is None else frame.names
        return {names.index(one) if one in names else one for one in wanted.tolist()} & set(range(n_columns))

    def _add_levels(self, position: int, seen: _Seen, X: Any, frame: Frame | None, always: np.ndarray) -> None:
        name = self._name_of(frame)(position)
        levels = levels_of(read_column(X[:, position]), name) if frame is None else frame.levels(position)
        if not seen.add(levels, MOST_CATEGORIES, always):
            raise ValueError(
                f"column {name!r} of X has more than {MOST_CATEGORIES:,} categories, too many for a stream. Leave "
                "it out, or encode it as numbers."
            )
        gone = levels.of_rows < 0
        if gone.any() and not self.n_missing[position]:
            always[int(gone.argmax())] = True
        self.n_missing[position] += int(gone.sum())

    def _name_of(self, frame: Frame | None) -> Any:
        return (lambda position: position) if frame is None else frame.names.__getitem__


def _kind_of(dtype: Any) -> str:
    if dtype.is_numeric() or dtype == nw.Boolean:
        return "number"
    return "category" if isinstance(dtype, nw.String | nw.Categorical | nw.Enum) else "other"


class _Labels:
    """Statistics of the labels of one task."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen, self.moments = _Seen(), Moments(1)
        self.n_labels = self.n_missing = 0
        self.is_whole = True
        self.bounds = (np.inf, -np.inf)
        self.are_numbers = True

    def add(self, values: np.ndarray, always: np.ndarray) -> None:
        labelled = has_label(values)
        if self.n_labels < FEW_LABELS:
            always[np.flatnonzero(labelled)[:FEW_LABELS]] = True
        if not labelled.all() and not self.n_missing:
            always[int((~labelled).argmax())] = True
        self.n_labels += int(labelled.sum())
        self.n_missing += int((~labelled).sum())
        if values.ndim > 1 or not labelled.any():
            self.are_numbers &= values.ndim == 1
            return
        column = read_column(values)
        if column.kind in ("number", "boolean"):
            self._add_numbers(column.values, always)
        else:
            self.are_numbers = False
        if column.kind in ("number", "boolean", "text", "category") and self.seen.counts is not None:
            most = MOST_WHOLE_NUMBERS if self.is_whole else MOST_NUMBERS
            most = most if column.kind == "number" else MOST_CATEGORIES
            self.seen.add(levels_of(column, self.name), most, always)

    def _add_numbers(self, values: np.ndarray, always: np.ndarray) -> None:
        numbers = np.where(is_missing(values), np.nan, values).astype(np.float64)
        if np.isinf(numbers).any():
            raise ValueError(f"task {self.name!r}: the target contains infinity")
        self.moments.add([0], numbers[:, None], lambda _: self.name)
        lowest, highest = np.nanargmin(numbers), np.nanargmax(numbers)
        low, high = self.bounds
        always[lowest] |= numbers[lowest] < low
        always[highest] |= numbers[highest] > high
        self.bounds = (min(low, numbers[lowest]), max(high, numbers[highest]))
        if self.is_whole:
            parts = np.nan_to_num(numbers) != np.floor(np.nan_to_num(numbers))
            self.is_whole = not parts.any()
            always[int(parts.argmax())] |= not self.is_whole

    @property
    def statistics(self) -> LabelStatistics:
        if not self.are_numbers or not self.n_labels:
            return LabelStatistics(counts=self.seen.counts)
        mean, deviation = float(self.moments.mean[0]), float(self.moments.deviation[0])
        return LabelStatistics(mean, deviation, self.seen.counts)
