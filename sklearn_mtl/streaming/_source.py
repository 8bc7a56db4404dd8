"""Base class of sources: rows that are read in blocks, again in each epoch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import narwhals.stable.v2 as nw


class Source(ABC):
    """Rows that are read in blocks.

    A source has chunks, such as the row groups of Parquet files, which can be read in any order. The blocks of a
    chunk follow each other. What a source yields is the same each time.

    Attributes
    ----------
    names : list of str
        Names of the columns; empty for an array.
    """

    names: list[str]

    @abstractmethod
    def n_chunks(self, block_rows: int) -> int:
        """Return the number of chunks."""

    @abstractmethod
    def read(self, chunk: int, columns: Sequence[str], block_rows: int) -> Iterator[Any]:
        """Yield the frames or arrays of a chunk, of at most ``block_rows`` rows each; some may be empty."""

    @abstractmethod
    def name_of(self, chunk: int) -> str:
        """Return the name of a chunk, for messages."""

    def check(self, columns: Sequence[str]) -> None:  # noqa: B027
        """Check that columns have one type everywhere, as far as this is known without reading the rows.

        Raises
        ------
        ValueError
            If a column changes its type, or a part lacks it.
        """


class ErrorsNamed:
    """Raise errors of a library, and of the system, as ValueError that says what cannot be read.

    A missing file stays a FileNotFoundError.

    Parameters
    ----------
    what : str
        For instance the file.
    kind : type of Exception
        Base class of the errors of the library.
    """

    def __init__(self, what: str, kind: type[BaseException]) -> None:
        self.what, self.kinds = what, (kind, OSError)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, MemoryError) or not isinstance(error, self.kinds):
            return
        if isinstance(error, FileNotFoundError):
            raise FileNotFoundError(f"{self.what} of the stream is no longer there: {error}") from error
        raise ValueError(f"{self.what} of the stream cannot be read: {error}") from error


def cut(block: Any, block_rows: int) -> Iterator[Any]:
    """Cut a frame or an array into parts of at most ``block_rows`` rows."""
    if len(block) <= block_rows:
        yield block
        return
    frame = nw.from_native(block, eager_only=True, pass_through=True)
    for start in range(0, len(block), block_rows):
        yield nw.to_native(frame[start : start + block_rows], pass_through=True)
