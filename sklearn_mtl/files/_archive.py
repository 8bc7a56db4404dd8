"""Zip files whose entries are checked before use."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..exceptions import ModelFileError
from ._zip import StoredZip, pack_zip

# Name of the entry with the sizes and checksums of the others.
DIGEST = "digest.json"
# Maximum bytes of the digest.
LONGEST_DIGEST = 1 << 20


def pack_archive(entries: Mapping[str, bytes]) -> bytes:
    """Put entries into one uncompressed zip file, with the size and sha256 of each.

    The checksums detect damage. They do not protect against forged files.

    Parameters
    ----------
    entries : mapping of str to bytes
        Contents by name.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_mtl.files._archive import pack_archive, read_archive
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "file").write_bytes(pack_archive({"a": b"one", "b": b"two"}))
    ...     read_archive(Path(folder, "file"), ["a", "b"])
    {'a': b'one', 'b': b'two'}
    """
    digest = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in entries.items()
    }
    return pack_zip({**entries, DIGEST: json.dumps(digest).encode()})


def read_archive(path: str | os.PathLike[str], names: Collection[str]) -> dict[str, bytes]:
    """Check and read all entries of a file of `pack_archive`.

    Nothing is decompressed, and no entry larger than the file is read.

    Parameters
    ----------
    path : path-like
    names : collection of str
        The required entries; no others are allowed.

    Raises
    ------
    ModelFileError
        If the file is damaged or has another format.
    OSError
        If it cannot be read, for instance because it does not exist.
    """
    path = Path(path)
    with open(path, "rb") as file:
        try:
            return _checked(StoredZip(file, path.stat().st_size), set(names))
        except MemoryError:
            raise
        except Exception as error:  # JSON may raise any exception
            raise ModelFileError(f"{path.name} is damaged or not a file of sklearn_mtl: {error}") from error


def _checked(archive: StoredZip, names: set[str]) -> dict[str, bytes]:
    if set(archive.sizes) != names | {DIGEST}:
        raise ModelFileError(f"it has the entries {sorted(archive.sizes)}, expected {sorted(names | {DIGEST})}")
    return read_entries(archive, read_digest(archive))


def read_digest(archive: StoredZip) -> Any:
    """Read the digest of an archive: the sizes and checksums of its entries.

    Raises
    ------
    ModelFileError
        If it is missing or very large.
    ValueError, RecursionError
        If it is not JSON.
    """
    if archive.sizes.get(DIGEST, LONGEST_DIGEST + 1) > LONGEST_DIGEST:
        raise ModelFileError(f"its {DIGEST} is missing or very large")
    return json.loads(archive.read(DIGEST).decode("ascii"))


def read_entries(archive: StoredZip, described: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """Read all entries except the digest, and check them against the digest.

    Parameters
    ----------
    archive : StoredZip
    described : mapping of str to mapping
        "size" and "sha256" of each entry, as returned by `add_entry`.

    Raises
    ------
    ModelFileError
    """
    sizes = {name: entry["size"] for name, entry in described.items()}
    if {**sizes, DIGEST: archive.sizes[DIGEST]} != archive.sizes:
        raise ModelFileError("its entries differ from its digest")
    entries = {name: archive.read(name) for name in described}
    for name, content in entries.items():
        if hashlib.sha256(content).hexdigest() != described[name]["sha256"]:
            raise ModelFileError(f"its entry {name} is damaged")
    return entries
