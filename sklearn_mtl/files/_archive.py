"""One file of several members that are checked before they are used."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..exceptions import ModelFileError
from ._zip import StoredZip, add_member

# Says of each member what it should be.
DIGEST = "digest.json"
# Bytes that the digest itself may have.
LONGEST_DIGEST = 1 << 20


def pack_archive(members: Mapping[str, bytes]) -> bytes:
    """Put members into one zip file, not compressed, with the size and sha256 of each.

    The checksums find damage. They are no protection against somebody who writes a file on purpose.

    Parameters
    ----------
    members : mapping of str to bytes
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
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        digest = {name: add_member(archive, name, [content], len(content)) for name, content in members.items()}
        said = json.dumps(digest).encode()
        add_member(archive, DIGEST, [said], len(said))
    return file.getvalue()


def read_archive(path: str | os.PathLike[str], names: Collection[str]) -> dict[str, bytes]:
    """Read all members of a file that `pack_archive` made, after they have been checked.

    Nothing is decompressed, and no member is read that is larger than the file.

    Parameters
    ----------
    path : path-like
    names : collection of str
        The members that it has to have; no others are allowed.

    Raises
    ------
    ModelFileError
        If the file is anything else.
    OSError
        If it cannot be read, for instance because it is not there.
    """
    path = Path(path)
    with open(path, "rb") as file:
        try:
            return _checked(StoredZip(file, path.stat().st_size), set(names))
        except MemoryError:
            raise
        except Exception as error:  # JSON raises what it likes
            raise ModelFileError(f"{path.name} is damaged, or no file of sklearn_mtl: {error}") from error


def _checked(archive: StoredZip, names: set[str]) -> dict[str, bytes]:
    if set(archive.sizes) != names | {DIGEST}:
        raise ModelFileError(f"it has the members {sorted(archive.sizes)} instead of {sorted(names | {DIGEST})}")
    return read_members(archive, read_digest(archive))


def read_digest(archive: StoredZip) -> Any:
    """Read what an archive says of its members.

    Raises
    ------
    ModelFileError
        If it is not there, or very large.
    ValueError, RecursionError
        If it is no JSON.
    """
    if archive.sizes.get(DIGEST, LONGEST_DIGEST + 1) > LONGEST_DIGEST:
        raise ModelFileError(f"it has no {DIGEST}, or a very large one")
    return json.loads(archive.read(DIGEST).decode("ascii"))


def read_members(archive: StoredZip, described: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """Read all members but the digest, each of which is what the digest says.

    Parameters
    ----------
    archive : StoredZip
    described : mapping of str to mapping
        "size" and "sha256" of each member, as `add_member` gave them.

    Raises
    ------
    ModelFileError
    """
    sizes = {name: entry["size"] for name, entry in described.items()}
    if {**sizes, DIGEST: archive.sizes[DIGEST]} != archive.sizes:
        raise ModelFileError("it has other members than its digest says")
    members = {name: archive.read(name) for name in described}
    for name, content in members.items():
        if hashlib.sha256(content).hexdigest() != described[name]["sha256"]:
            raise ModelFileError(f"its member {name} is damaged")
    return members
