"""Parquet files and other data sets of pyarrow as a source."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..utils._optional import import_optional
from ._source import ErrorsNamed, Source

_PURPOSE = "reading a stream of Parquet files"


class _Chunk(NamedTuple):
    """A row group of a file; None for the whole fragment, and no fragment for the whole data set."""

    fragment: Any = None
    group: int | None = None


def open_parquet(path: str | os.PathLike[str]) -> Any:
    """Open a file, a folder or a pattern of Parquet files as a data set of pyarrow.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    datasets = import_optional("pyarrow.dataset", "streaming", _PURPOSE)
    arrow = import_optional("pyarrow", "streaming", _PURPOSE)
    text = os.fspath(path)
    found, base = (text, None) if "://" in text else _files_of(text)
    with ErrorsNamed(f"X={text!r}", arrow.ArrowException):
        return datasets.dataset(found, format="parquet", partitioning="hive", partition_base_dir=base)


def _files_of(path: str) -> tuple[str | list[str], str | None]:
    """Return the files of a path, and the folder below which the names of folders may be columns."""
    if os.path.isfile(path):
        return path, None
    is_folder = os.path.isdir(path)
    if not is_folder and not glob.has_magic(path):
        raise FileNotFoundError(f"X={path!r} is the path of a stream, but there is no such file or folder.")
    pattern = os.path.join(glob.escape(path), "**", "*.parquet") if is_folder else path
    found = sorted(filter(os.path.isfile, glob.glob(pattern, recursive=True)))
    if not found:
        what = (
            "is a folder without a file *.parquet" if is_folder else "is the path of a stream, but no file matches"
        )
        raise FileNotFoundError(f"X={path!r} {what}.")
    return found, path if is_folder else None


class ArrowSource(Source):
    """A data set of pyarrow. Row groups of Parquet files are chunks; so are the fragments of other formats.

    Parameters
    ----------
    dataset : pyarrow.dataset.Dataset
    """

    def __init__(self, dataset: Any) -> None:
        self.arrow = import_optional("pyarrow", "streaming", _PURPOSE)
        self.parquet = import_optional("pyarrow.parquet", "streaming", _PURPOSE)
        self.datasets = import_optional("pyarrow.dataset", "streaming", _PURPOSE)
        self.dataset = dataset
        self.names = list(dataset.schema.names)
        self.types: dict[str, Any] = {name: dataset.schema.field(name).type for name in self.names}
        is_parquet = isinstance(getattr(dataset, "format", None), self.datasets.ParquetFileFormat)
        is_filtered = bool(getattr(dataset, "_scan_options", None))
        self.fragments = [] if is_filtered else list(dataset.get_fragments())
        self.chunks = [_Chunk()] if is_filtered else [_Chunk(fragment) for fragment in self.fragments]
        self.is_parquet = is_parquet and not is_filtered
        if self.is_parquet:
            self.chunks = [
                _Chunk(fragment, group.id)
                for fragment in self.fragments
                for group in self._groups_of(fragment)
                if group.num_rows
            ]

    def _groups_of(self, fragment: Any) -> list[Any]:
        with ErrorsNamed(f"file {fragment.path!r}", self.arrow.ArrowException):
            return list(fragment.row_groups)

    def n_chunks(self, block_rows: int) -> int:
        return len(self.chunks)

    def name_of(self, chunk: int) -> str:
        fragment = self.chunks[chunk].fragment
        return f"file {fragment.path!r}" if hasattr(fragment, "path") else "the data set"

    def check(self, columns: Sequence[str]) -> None:
        if not self.is_parquet:
            return
        first: dict[str, tuple[Any, str]] = {}
        inside = {name for fragment in self.fragments for name in fragment.physical_schema.names}
        for fragment in self.fragments:
            schema = fragment.physical_schema
            lacking = [name for name in columns if name in inside and name not in schema.names]
            if lacking:
                raise ValueError(f"file {fragment.path!r} lacks the columns {lacking}, which other files have.")
            for name in (name for name in columns if name in inside):
                of, path = first.setdefault(name, (schema.field(name).type, fragment.path))
                self.types[name] = self._common_type(name, self.types[name], of, path, schema, fragment.path)

    def _common_type(self, name: str, known: Any, of: Any, path: str, schema: Any, other: str) -> Any:
        """Return a type for a column of two files; raise ValueError if it is text in one, for instance."""
        types, now = self.arrow.types, schema.field(name).type
        if now == known or types.is_null(now):
            return known
        if types.is_null(known):
            return now

        def is_number(one: Any) -> bool:
            return types.is_integer(one) or types.is_floating(one) or types.is_decimal(one)

        if is_number(known) and is_number(now):
            return known if types.is_integer(known) and types.is_integer(now) else self.arrow.float64()
        if self._is_text(known) and self._is_text(now):
            return self.arrow.string()
        raise ValueError(
            f"column {name!r} changes its type between files: it is {of} in {path!r}, but {now} in {other!r}. "
            "Write all files with one type."
        )

    def _is_text(self, one: Any) -> bool:
        types = self.arrow.types
        return bool(
            types.is_string(one)
            or types.is_large_string(one)
            or (types.is_dictionary(one) and self._is_text(one.value_type))
        )

    def read(self, chunk: int, columns: Sequence[str], block_rows: int) -> Iterator[Any]:
        fragment, group = self.chunks[chunk]
        with ErrorsNamed(self.name_of(chunk), self.arrow.ArrowException):
            if group is not None:
                yield from self._read_group(fragment, group, columns, block_rows)
                return
            # nothing is read ahead: the memory of a stream is bounded
            settings = {"columns": list(columns), "batch_size": block_rows, "batch_readahead": 0}
            whole = self.dataset if fragment is None else fragment
            if fragment is not None:
                settings["schema"] = self.dataset.schema
            for batch in whole.to_batches(**settings, fragment_readahead=0):
                yield self.arrow.Table.from_batches([batch])

    def _read_group(self, fragment: Any, group: int, columns: Sequence[str], block_rows: int) -> Iterator[Any]:
        """Decode a row group in parts; a scan of the data set would decode it as a whole."""
        keys = self.datasets.get_partition_keys(fragment.partition_expression)
        inside = set(fragment.physical_schema.names)
        schema = self.arrow.schema([(name, self.types[name]) for name in columns])
        with fragment.open() as file:
            reader = self.parquet.ParquetFile(file)
            stored = [name for name in columns if name in inside]
            for batch in reader.iter_batches(block_rows, row_groups=[group], columns=stored, use_threads=False):
                arrays = [
                    batch.column(name)
                    if name in inside
                    else self.arrow.repeat(self.arrow.scalar(keys.get(name), self.types[name]), len(batch))
                    for name in columns
                ]
                yield self.arrow.Table.from_arrays(arrays, names=list(columns)).cast(schema)
