"""Lazy frames, arrays in files, Dask frames and data sets of torch as sources."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from ..columns._columns import plain
from ..utils._optional import import_optional
from ._source import ErrorsNamed, Source, cut


class LazyFrameSource(Source):
    """A lazy frame of polars, which its streaming engine reads from the first row to the last.

    Parameters
    ----------
    frame : polars.LazyFrame
    """

    def __init__(self, frame: Any) -> None:
        self.polars = import_optional("polars", "streaming", "reading a LazyFrame")
        if not hasattr(frame, "collect_batches"):
            raise ImportError(
                f"a stream of a LazyFrame needs a later version of polars than {self.polars.__version__}, with "
                "LazyFrame.collect_batches; or write the frame with sink_parquet, and pass the path."
            )
        self.frame = frame
        with self._errors_named():
            self.names = frame.collect_schema().names()

    def n_chunks(self, block_rows: int) -> int:
        return 1

    def name_of(self, chunk: int) -> str:
        return "the LazyFrame"

    def read(self, chunk: int, columns: Sequence[str], block_rows: int) -> Iterator[Any]:
        chosen = self.frame.select(list(columns))
        with self._errors_named():
            # chunks of the scan may be larger than asked for
            for frame in chosen.collect_batches(chunk_size=block_rows, maintain_order=True, lazy=True):
                yield from cut(frame, block_rows)

    def _errors_named(self) -> Any:
        return ErrorsNamed("the LazyFrame", self.polars.exceptions.PolarsError)


class DaskSource(Source):
    """A frame of Dask, whose partitions are chunks; each is computed when it is read.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
    """

    def __init__(self, frame: Any) -> None:
        self.frame = frame
        self.names = [str(name) for name in frame.columns]

    def n_chunks(self, block_rows: int) -> int:
        return int(self.frame.npartitions)

    def name_of(self, chunk: int) -> str:
        return f"partition {chunk}"

    def read(self, chunk: int, columns: Sequence[str], block_rows: int) -> Iterator[Any]:
        # by threads of its own: a distributed scheduler may have been set for all of Dask
        frame = self.frame[list(columns)].partitions[chunk].compute(scheduler="synchronous")
        yield from cut(frame, block_rows)


class ArraySource(Source):
    """An array in a file. Blocks of rows are chunks.

    Parameters
    ----------
    array : ndarray of shape (n_rows, n_columns), or structured array of shape (n_rows,)
        In most cases a `numpy.memmap`.

    Raises
    ------
    ValueError
        If it has another shape.
    """

    def __init__(self, array: np.ndarray) -> None:
        if array.ndim != 2 and not array.dtype.names:
            raise ValueError(
                f"the array of a stream should have the shape (n_rows, n_columns), or be structured; got shape "
                f"{array.shape}."
            )
        self.array = array
        self.names = list(array.dtype.names or ())

    def n_chunks(self, block_rows: int) -> int:
        return -(-len(self.array) // block_rows)

    def name_of(self, chunk: int) -> str:
        return "the array"

    def read(self, chunk: int, columns: Sequence[str], block_rows: int) -> Iterator[Any]:
        rows = self.array[chunk * block_rows : (chunk + 1) * block_rows]
        if self.names:
            arrow = import_optional("pyarrow", "streaming", "reading a structured array")
            yield arrow.table({name: np.array(rows[name]) for name in columns})
        else:
            yield np.array(rows)
        self._release()

    def _release(self) -> None:
        """Give the pages of a file back, which would count as memory of the process."""
        pages: Any = getattr(self.array, "_mmap", None)
        if pages is not None and getattr(self.array, "mode", None) in ("r", "r+"):
            with suppress(AttributeError, OSError, ValueError):  # not every system can
                pages.madvise(mmap.MADV_DONTNEED)


class IterableSource(Source):
    """A data set of torch that yields blocks: frames, or mappings from column to values.

    Parameters
    ----------
    dataset : torch.utils.data.IterableDataset
        Iterated once per epoch; it should yield the same rows each time.

    Raises
    ------
    TypeError
        If it yields something else.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        first = next(self._frames(), None)
        if first is None:
            raise ValueError(f"the {type(dataset).__name__} of the stream yields nothing.")
        self.names = list(nw.from_native(first).columns)

    def n_chunks(self, block_rows: int) -> int:
        return 1

    def name_of(self, chunk: int) -> str:
        return f"the {type(self.dataset).__name__}"

    def read(self, chunk: int, columns: Sequence[str], block_rows: int) -> Iterator[Any]:
        for frame in self._frames():
            native = nw.from_native(frame)
            lacking = [name for name in columns if name not in native.columns]
            if lacking:
                raise ValueError(f"a block of {self.name_of(0)} lacks the columns {lacking}.")
            yield from cut(nw.to_native(native.select(list(columns))), block_rows)

    def _frames(self) -> Iterator[Any]:
        for block in self.dataset:
            if isinstance(block, Mapping):
                arrow = import_optional("pyarrow", "streaming", "reading blocks of columns")
                yield arrow.table({str(name): plain(values) for name, values in block.items()})
            elif isinstance(nw.from_native(block, eager_only=True, pass_through=True), nw.DataFrame):
                yield block
            else:
                raise TypeError(
                    f"{self.name_of(0)} should yield blocks of rows, which are frames or mappings from column to "
                    f"values; it yields {type(block).__name__}."
                )
