"""One file of several members that are checked before they are used."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

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
    >>> from sklearn_mtl.utils._archive import pack_archive, read_archive
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
        raise ValueError(f"it has the members {sorted(archive.sizes)} instead of {sorted(names | {DIGEST})}")
    if archive.sizes[DIGEST] > LONGEST_DIGEST:
        raise ValueError(f"{DIGEST} is too long")
    digest = json.loads(archive.read(DIGEST))
    if set(digest) != names:
        raise ValueError(f"{DIGEST} is about {sorted(digest)}")
    members = {}
    for name in sorted(names):
        members[name] = archive.read(name)
        checksum = hashlib.sha256(members[name]).hexdigest()
        if digest[name] != {"size": len(members[name]), "sha256": checksum}:
            raise ValueError(f"{name} is not what was written")
    return members
