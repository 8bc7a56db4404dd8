"""Files that are there as a whole or not at all."""

from __future__ import annotations

import glob
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# Seconds after which a temporary file is one that a killed process left.
LEFT_OVER_AFTER = 3600


@contextmanager
def replaced_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file to write, so that readers, and whoever looks after a crash, find the old content or the new.

    The content goes to a temporary file in the same folder, is flushed to the disk, and takes the name at the
    end. A process that is killed before leaves the old file, and at worst a file ``.<name>.*.tmp`` beside it. A
    link stays one: the file that it leads to is written.

    Parameters
    ----------
    path : path-like
        File to write or replace; its folder exists.

    Yields
    ------
    file object
        Binary; it can be written to and sought in.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written to, or the disk is full; the message says so, and the old
        file is as it was.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_mtl.files._atomic import replaced_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replaced_file(Path(folder) / "note") as file:
    ...         _ = file.write(b"in "), file.write(b"pieces")
    ...     (Path(folder) / "note").read_bytes()
    b'in pieces'
    """
    path = _target(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise _not_written(path, error) from error
        raise
    _flush_folder(path.parent)


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file as a whole or not at all; see `replaced_file`.

    Parameters
    ----------
    path : path-like
        File to write or replace; its folder exists.
    content : bytes
        All of it.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written to, or the disk is full; the message says so, and the old
        file is as it was.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_mtl.files._atomic import write_atomically
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "note", b"whole")
    ...     (Path(folder) / "note").read_bytes()
    b'whole'
    """
    with replaced_file(path) as file:
        file.write(content)


def remove_left_over(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed processes left beside a file, once they are old."""
    path = _target(path)
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            if time.time() - temporary.stat().st_mtime > LEFT_OVER_AFTER:
                temporary.unlink()


def _target(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    return path.resolve() if path.is_symlink() else path


def _not_written(path: Path, error: OSError) -> OSError:
    """Say what could not be written, in an error of the same class."""
    kept = "what was there before is as it was" if path.exists() else "nothing is there under its name"
    message = f"{error.strerror or error}: {path.name} could not be written, {kept}"
    return OSError(message) if error.errno is None else OSError(error.errno, message, str(path))


def _flush_folder(folder: Path) -> None:
    """Flush the new name to the disk too, where folders can be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
