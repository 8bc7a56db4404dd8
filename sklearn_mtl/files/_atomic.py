"""Atomic writes of files."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# Seconds after which a temporary file is considered left over by a killed process.
LEFT_OVER_AFTER = 3600


@contextmanager
def replaced_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for an atomic write: readers find either the old or the new content, even after a crash.

    The content is written to a temporary file in the same folder, flushed to the disk, and renamed at the end. If
    the process is killed before, the old file stays, possibly with a file ``.<name>.*.tmp`` next to it. If the
    path is a link, its target is replaced.

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
        file is unchanged. If the path is a device or a pipe, which is not replaced.

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
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(
            errno.EINVAL, f"{path.name} is a device or a pipe, which is not replaced; name a file", str(path)
        )
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
    """Write a file atomically; see `replaced_file`.

    Parameters
    ----------
    path : path-like
        File to write or replace; its folder exists.
    content : bytes
        Its whole content.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written to, or the disk is full; the message says so, and the old
        file is unchanged.

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
    """Remove old temporary files that killed processes left next to a file."""
    path = _target(path)
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):
            if time.time() - temporary.stat().st_mtime > LEFT_OVER_AFTER:
                temporary.unlink()


def _target(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    return path.resolve() if path.is_symlink() else path


def _not_written(path: Path, error: OSError) -> OSError:
    """Build an error of the same class that names the file."""
    kept = "the old file is intact" if path.exists() else "no file was created"
    message = f"{error.strerror or error}: {path.name} could not be written; {kept}"
    return OSError(message) if error.errno is None else OSError(error.errno, message, str(path))


def _flush_folder(folder: Path) -> None:
    """Flush the new name to the disk too, if the system can open folders."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
