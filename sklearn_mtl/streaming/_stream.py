"""The spec of a stream, and how its blocks are read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.base import BaseEstimator
from torch.utils.data import IterableDataset

from ..utils._params import ArrayLike, Interval, StrOptions, validate_spec
from ..utils._repeated import repeated
from ..utils._types import RowsLike, TargetsLike
from ._others import ArraySource, DaskSource, IterableSource, LazyFrameSource
from ._parquet import ArrowSource, open_parquet
from ._source import Source

# Rows that are read to find out how many bytes a row has.
FIRST_ROWS = 1_000
# Limits of a block. A block exists as a frame, as float64 and as encoded tensors at the same time.
FEWEST_ROWS, MOST_ROWS, COPIES = 64, 500_000, 6
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class Block(NamedTuple):
    """Some rows of a stream that follow each other.

    Parameters
    ----------
    X : frame or ndarray
    y : frame or None
        The columns of y; None if y is not in the stream.
    start : int or None
        Position of the first row in an array; None for frames.
    """

    X: Any
    y: Any
    start: int | None = None


class Stream(BaseEstimator):
    """Rows that are read in blocks, because they do not fit into memory.

    ``fit(Stream(source), ["a", "b"])`` trains on the rows of the source; y are the names of its columns with
    labels, and X are the other columns. A path of Parquet files, a `pyarrow.dataset.Dataset`, a LazyFrame of
    polars, a Dask frame and a `torch.utils.data.IterableDataset` can be passed to ``fit`` as they are; they
    become a `Stream` with its defaults.

    Parameters
    ----------
    source : path-like, Dataset, LazyFrame, Dask DataFrame, memmap or IterableDataset
        A path is a file, a folder or a pattern of Parquet files. An array, which is in most cases an
        `numpy.memmap`, has the shape (n_rows, n_columns), and y is then like that of any ``fit``; or it is
        structured. An IterableDataset yields blocks of rows: frames, or mappings from column to values. It must
        yield the same rows each time.
    memory : int or str, default="1GB"
        Bytes that rows may take at any time, in all their forms: "500MB", "2GB". It sets the rows of a block, and
        bounds those held out for validation to a quarter. The network, its optimiser and the libraries come on
        top, some 0.5 GB.
    shuffle_blocks : int, default=8
        Number of blocks whose rows are shuffled together. The order of the chunks of a source is random too: row
        groups of Parquet files, partitions of Dask, and blocks of an array. A LazyFrame and an IterableDataset
        are read from the first row to the last; only their blocks are shuffled.
    block_rows : int or "auto", default="auto"
        Largest number of rows of a block; "auto" follows from ``memory``.
    epoch_rows : int or None, default=None
        Rows of an epoch, about; the next epoch goes on where it ended. Checkpoints, validation and early stopping
        are at the end of an epoch, so a fit that was killed repeats at most as many rows. None for all rows.
    sample_rows : int, default=100_000
        Random rows that are kept from the first pass. Quantiles, bins, medians and all that has no exact streaming
        form is learned from them.
    columns : sequence of str or None, default=None
        Columns of X; None for all columns that are not in y.

    Raises
    ------
    ValueError, TypeError
        In ``fit``, if a parameter is invalid, ``memory`` is too small for a block, a column does not exist or
        changes its type between files, or a file cannot be read; the message names it.
    FileNotFoundError
        In ``fit``, if there is no such file.
    ImportError
        If the library of the source is missing.

    Notes
    -----
    The first pass over the rows learns means, deviations, categories and classes exactly [1]_, and keeps a random
    sample. Up to ``sample_rows`` rows, a fit without held-out rows in one block equals that of the same rows in
    memory. Whether a row is held out follows from a hash of its values in X, so it is the same for any order,
    files or ``random_state``.

    References
    ----------
    .. [1] Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance: Analysis and Recommendations",
       The American Statistician, 1983.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import polars as pl
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.streaming import Stream
    >>> x = np.random.default_rng(0).normal(size=(1000, 2))
    >>> frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "sum": x.sum(axis=1)})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     frame.write_parquet(folder + "/part.parquet")
    ...     net = MultiTaskNetEstimator(n_members=1, max_epochs=20, random_state=0)
    ...     net = net.fit(Stream(folder, memory="10MB"), ["sum"])
    >>> bool(net.score(frame[["a", "b"]], frame[["sum"]]) > 0.9)
    True
    """

    _parameter_constraints: dict = {
        "memory": [Interval(Integral, 1, None, closed="left"), str],
        "shuffle_blocks": [Interval(Integral, 1, None, closed="left")],
        "block_rows": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "epoch_rows": [Interval(Integral, 1, None, closed="left"), None],
        "sample_rows": [Interval(Integral, 1, None, closed="left")],
        "columns": [ArrayLike(), None],
    }

    def __init__(
        self,
        source: Any,
        memory: int | str = "1GB",
        shuffle_blocks: int = 8,
        block_rows: int | str = "auto",
        epoch_rows: int | None = None,
        sample_rows: int = 100_000,
        columns: Sequence[str] | None = None,
    ) -> None:
        self.source = source
        self.memory = memory
        self.shuffle_blocks = shuffle_blocks
        self.block_rows = block_rows
        self.epoch_rows = epoch_rows
        self.sample_rows = sample_rows
        self.columns = columns

    def open(self, y: TargetsLike = None) -> Reader:
        """Open the source, and find the columns of X and y.

        Parameters
        ----------
        y : str, sequence of str, other targets or None, default=None
            Names of the columns of y; for an array without names, targets of any kind, which are not read here.
        """
        validate_spec(self)
        return Reader(self, open_source(self.source), y)

    def blocks(self) -> Iterator[Any]:
        """Yield the rows of the source in order, as frames or arrays.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_mtl.streaming import Stream
        >>> [block.shape for block in Stream(np.zeros((5, 3)), block_rows=2).blocks()]
        [(2, 3), (2, 3), (1, 3)]
        """
        reader = self.open()
        for chunk in range(reader.n_chunks):
            for block in reader.blocks(chunk):
                yield block.X

    @property
    def bytes(self) -> int:
        """``memory`` as a number of bytes."""
        if not isinstance(self.memory, str):
            return int(self.memory)
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)\s*", self.memory.upper())
        if match is None or float(match[1]) == 0:
            raise ValueError(
                f"memory={self.memory!r} should be a number of bytes, or text such as '500MB' or '2GB'."
            )
        return int(float(match[1]) * _UNITS[match[2]])


class Reader:
    """Reads the blocks of a stream.

    Parameters
    ----------
    stream : Stream
    source : Source
    y : object
        See `Stream.open`.

    Attributes
    ----------
    columns, labels : list of str
        The columns of X and of y; empty for an array without names.
    block_rows : int
        Largest number of rows of a block.
    n_chunks : int
    """

    def __init__(self, stream: Stream, source: Source, y: TargetsLike) -> None:
        self.stream, self.source = stream, source
        self.labels = names_of_columns(y) or []
        known = source.names
        for which, names in {"y": self.labels, "columns": list(stream.columns or ())}.items():
            unknown = [name for name in names if name not in known]
            if unknown:
                has = f"columns {known}" if known else "no names"
                raise ValueError(f"{which} names the columns {unknown}, but the source of the stream has {has}.")
        if known and y is not None and not self.labels:
            raise ValueError(
                f"y of a stream should be the names of some of its columns {known}; got {type(y).__name__}."
            )
        twice = repeated(self.labels)
        if twice:
            raise ValueError(f"y names columns of the stream more than once: {twice}.")
        self.columns = list(stream.columns if stream.columns is not None else known)
        self.columns = [name for name in self.columns if name not in self.labels]
        if known and not self.columns:
            raise ValueError(f"y names all columns {known} of the stream; X needs at least one.")
        source.check([*self.columns, *self.labels])
        self.bytes_per_row = self._bytes_per_row()
        self.block_rows = self._rows_of_block()
        self.n_chunks = source.n_chunks(self.block_rows)

    @property
    def n_rows(self) -> int | None:
        """Number of rows of an array; None if it is not known before they are read."""
        return len(self.source.array) if isinstance(self.source, ArraySource) else None

    def _bytes_per_row(self) -> float:
        for chunk in range(self.source.n_chunks(FIRST_ROWS)):
            for block in self.source.read(chunk, [*self.columns, *self.labels], FIRST_ROWS):
                if len(block):
                    return max(_n_bytes(block) / len(block), 8.0 * block.shape[1])
        raise ValueError("the stream has no rows; at least one is needed.")

    def _rows_of_block(self) -> int:
        if self.stream.block_rows != "auto":
            return int(self.stream.block_rows)
        rows = int(self.stream.bytes / (COPIES * self.bytes_per_row * (1 + self.stream.shuffle_blocks)))
        if rows < FEWEST_ROWS:
            needed = COPIES * self.bytes_per_row * (1 + self.stream.shuffle_blocks) * FEWEST_ROWS
            raise ValueError(
                f"memory={self.stream.memory!r} is too small: a row has {self.bytes_per_row:.0f} bytes, so "
                f"{self.stream.shuffle_blocks} blocks of {FEWEST_ROWS} rows need {needed / 1e6:.1f}MB. Increase "
                "memory, or lower shuffle_blocks."
            )
        return min(rows, MOST_ROWS)

    @property
    def rows_in_memory(self) -> int:
        """Rows that fit into a quarter of the memory."""
        return max(1, int(self.stream.bytes / (4 * self.bytes_per_row)))

    def blocks(self, chunk: int) -> Iterator[Block]:
        """Yield the blocks of a chunk, without empty ones."""
        start = 0
        for frame in self.source.read(chunk, [*self.columns, *self.labels], self.block_rows):
            if not len(frame):
                continue
            if not self.source.names:
                yield Block(frame, None, chunk * self.block_rows + start)
                start += len(frame)
                continue
            native = nw.from_native(frame, eager_only=True)
            y = nw.to_native(native.select(self.labels)) if self.labels else None
            yield Block(nw.to_native(native.select(self.columns)), y)


def stream_of(X: RowsLike, y: TargetsLike = None) -> Stream | None:
    """Return X as a stream; None if it is in memory.

    Arrays are in memory, also a memmap, which a parallel search may make of any array: wrap it in a `Stream`.
    A lazy frame is a stream only if y are names of columns.
    """
    if isinstance(X, Stream):
        return X
    may_be = isinstance(X, str | os.PathLike) or _is_dataset(X)
    return Stream(X) if may_be or (_is_unread(X) and names_of_columns(y) is not None) else None


def open_source(source: Any) -> Source:
    """Return the source of a path, a data set or another object.

    Raises
    ------
    TypeError
        If it is none of those that can be streamed.
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, str | os.PathLike):
        return ArrowSource(open_parquet(source))
    if _is_dataset(source):
        return ArrowSource(source)
    if _is_lazy(source):
        return LazyFrameSource(source)
    if _is_dask(source):
        return DaskSource(source)
    if _is_iterable(source):
        return IterableSource(source)
    if isinstance(source, np.ndarray):
        return ArraySource(source)
    raise TypeError(
        "a stream is a path of Parquet files, a pyarrow.dataset.Dataset, a polars LazyFrame, a Dask DataFrame, an "
        f"array such as a numpy.memmap, or a torch IterableDataset; got {type(source).__name__}."
    )


def refuse_stream(X: RowsLike, method: str) -> None:
    """Raise TypeError for a stream where rows in memory are needed."""
    if isinstance(X, str) and not (X.endswith(".parquet") or os.path.exists(X)):
        return  # a text that was passed as a row, which the trunk refuses
    if stream_of(X) is not None or _is_unread(X):
        raise TypeError(
            f"{method} takes rows in memory, but X is a {type(X).__name__}. Write predictions of a stream to a "
            "file with sklearn_mtl.streaming.predict_to_parquet, or pass the blocks of a Stream: stream.blocks()."
        )


def names_of_columns(y: TargetsLike) -> list[str] | None:
    """Return y as names of columns, if it is a text or a list of texts."""
    if isinstance(y, str):
        return [y]
    if isinstance(y, list | tuple) and y and all(isinstance(name, str) for name in y):
        return list(y)
    return None


def _n_bytes(block: Any) -> float:
    frame = nw.from_native(block, eager_only=True, pass_through=True)
    return float(frame.estimated_size() if isinstance(frame, nw.DataFrame) else block.nbytes)


def _is_dataset(X: Any) -> bool:
    datasets = sys.modules.get("pyarrow.dataset")
    return datasets is not None and isinstance(X, datasets.Dataset)


def _is_unread(X: Any) -> bool:
    return _is_lazy(X) or _is_dask(X) or _is_iterable(X)


def _is_lazy(X: Any) -> bool:
    return nw.dependencies.is_polars_lazyframe(X)


def _is_dask(X: Any) -> bool:
    return nw.dependencies.is_dask_dataframe(X)


def _is_iterable(X: Any) -> bool:
    return isinstance(X, IterableDataset)
