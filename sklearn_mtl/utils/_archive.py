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
    digest = {name: {"size": len(content), "sha256": _sha256(content)} for name, content in members.items()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in {DIGEST: json.dumps(digest).encode(), **members}.items():
            # a fixed date: equal members make equal files
            archive.writestr(zipfile.ZipInfo(name), content)
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
            with zipfile.ZipFile(file) as archive:
                return _checked(archive, set(names), path.stat().st_size)
        except MemoryError:
            raise
        except Exception as error:  # zipfile raises what it likes when its headers lie
            raise ModelFileError(f"{path.name} is damaged, or no file of sklearn_mtl: {error}") from error


def _checked(archive: zipfile.ZipFile, names: set[str], size: int) -> dict[str, bytes]:
    entries = {entry.filename: entry for entry in archive.infolist()}
    if set(entries) != names | {DIGEST} or len(entries) != len(archive.infolist()):
        raise ValueError(f"it has the members {sorted(entries)} instead of {sorted(names | {DIGEST})}")
    for name, entry in entries.items():
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise ValueError(f"{name} is compressed or encrypted")
    if sum(entry.file_size for entry in entries.values()) > size or entries[DIGEST].file_size > LONGEST_DIGEST:
        raise ValueError("its members are larger than the file")
    digest = json.loads(archive.read(DIGEST))
    if set(digest) != names:
        raise ValueError(f"{DIGEST} is about {sorted(digest)}")
    members = {}
    for name in sorted(names):
        members[name] = archive.read(name)
        if digest[name] != {"size": len(members[name]), "sha256": _sha256(members[name])}:
            raise ValueError(f"{name} is not what was written")
    return members


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
