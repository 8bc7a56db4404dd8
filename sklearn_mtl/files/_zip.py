"""Zip files with uncompressed entries, read without trusting their headers."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from struct import Struct
from typing import Any, BinaryIO, NamedTuple

from ..exceptions import ModelFileError

# Records of the format, little-endian; see APPNOTE.TXT of PKWARE.
_END = Struct("<4s4H2LH")
_END64 = Struct("<4sQ2H2L4Q")
_LOCATOR64 = Struct("<4sLQL")
_CENTRAL = Struct("<4s6H3L5H2L")
_LOCAL = Struct("<4s5H3L2H")
_EXTRA64 = 1
_SEE_EXTRA = 0xFFFFFFFF
# More entries than any valid file has.
MOST_ENTRIES = 1000


class Entry(NamedTuple):
    """Position of an entry, and the content of its headers."""

    name: str
    start: int
    size: int
    crc: int
    header: int


class StoredZip:
    """The entries of a zip file without compressed, encrypted, hidden or duplicate entries.

    The headers are checked against the size of the file before anything is read: the entries must be contiguous
    and fill the file, so that none is larger than the file and no two overlap.

    Parameters
    ----------
    file : file object
        Binary and seekable.
    size : int
        Bytes of the file.
    names : str
        Regular expression for the full name of each entry.

    Attributes
    ----------
    sizes : dict of str to int
        Bytes of each entry.

    Raises
    ------
    ModelFileError
        If the file has another format.
    """

    def __init__(self, file: BinaryIO, size: int, names: str = ".*") -> None:
        self._file = file
        directory, n_entries, start = self._find_directory(size)
        entries = _entries(directory, n_entries, names)
        self._entries: dict[str, Entry] = {}
        end = 0
        for entry in sorted(entries, key=lambda entry: entry.header):
            if entry.name in self._entries:
                raise ModelFileError(f"it has the entry {entry.name} twice")
            if entry.header != end:
                raise ModelFileError(f"its entry {entry.name} does not start where the previous one ends")
            located = self._locate(entry, start)
            end = located.start + located.size
            self._entries[entry.name] = located
        if end != start:
            raise ModelFileError("its entries do not fill the file")

    @property
    def sizes(self) -> dict[str, int]:
        """Return the bytes of each entry."""
        return {name: entry.size for name, entry in self._entries.items()}

    def read(self, name: str) -> bytes:
        """Read an entry.

        Raises
        ------
        ModelFileError
            If its size or its checksum differs from its header.
        """
        entry = self._entries[name]
        content = self._at(entry.start, entry.size)
        if zlib.crc32(content) != entry.crc:
            raise ModelFileError(f"its entry {name} is damaged")
        return content

    def _at(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        content = self._file.read(size)
        if len(content) != size:
            raise ModelFileError("it ends too early")
        return content

    def _find_directory(self, size: int) -> tuple[bytes, int, int]:
        """Return the central directory at the end of the file, its number of entries, and its position."""
        where = size - _END.size
        if where < 0:
            raise ModelFileError("it is not a zip file")
        record = _END.unpack(self._at(where, _END.size))
        if record[0] != b"PK\5\6" or record[7]:
            raise ModelFileError("it does not end like a zip file")
        fields = record[1:7]
        if where >= _LOCATOR64.size + _END64.size:
            locator = _LOCATOR64.unpack(self._at(where - _LOCATOR64.size, _LOCATOR64.size))
            if locator[0] == b"PK\6\7":
                where -= _LOCATOR64.size + _END64.size
                fields = self._large_end(where, locator)
        disk, first_disk, n_here, n_entries, length, start = fields
        if disk or first_disk or n_here != n_entries or n_entries > MOST_ENTRIES or start + length != where:
            raise ModelFileError("its central directory is inconsistent")
        return self._at(start, length), n_entries, start

    def _large_end(self, where: int, locator: tuple) -> tuple[int, ...]:
        record = _END64.unpack(self._at(where, _END64.size))
        if record[0] != b"PK\6\6" or record[1] != _END64.size - 12 or locator[1:] != (0, where, 1):
            raise ModelFileError("its central directory is inconsistent")
        return record[4:]

    def _locate(self, entry: Entry, most: int) -> Entry:
        """Check the header of an entry; return the entry with the position of its content."""
        if entry.header + _LOCAL.size > most:
            raise ModelFileError(f"its entry {entry.name} overlaps the central directory")
        record = _LOCAL.unpack(self._at(entry.header, _LOCAL.size))
        signature, _, flags, method, _, _, crc, stored, size, n_name, n_extra = record
        rest = self._at(entry.header + _LOCAL.size, n_name + n_extra)
        stored, size, _ = _large(rest[n_name:], size, stored)
        if (
            (signature, flags, method, crc) != (b"PK\3\4", 0, zipfile.ZIP_STORED, entry.crc)
            or rest[:n_name] != entry.name.encode()
            or not stored == size == entry.size
        ):
            raise ModelFileError(f"its entry {entry.name} differs from the central directory")
        start = entry.header + _LOCAL.size + len(rest)
        if start + size > most:
            raise ModelFileError(f"its entry {entry.name} is larger than the file")
        return entry._replace(start=start)


def _entries(directory: bytes, n_entries: int, names: str) -> list[Entry]:
    """Read the central directory."""
    entries = []
    for _ in range(n_entries):
        if len(directory) < _CENTRAL.size:
            raise ModelFileError("its central directory is too short")
        record = _CENTRAL.unpack(directory[: _CENTRAL.size])
        signature, _, _, flags, method, _, _, crc, stored, size, n_name, n_extra, n_comment, disk = record[:14]
        end = _CENTRAL.size + n_name + n_extra
        name = directory[_CENTRAL.size : _CENTRAL.size + n_name].decode("ascii", errors="replace")
        if signature != b"PK\1\2" or n_comment or disk or len(directory) < end:
            raise ModelFileError("its central directory is inconsistent")
        if not re.fullmatch(names, name):
            raise ModelFileError(f"it has an entry {name[:100]!r}, which does not belong there")
        if flags or method != zipfile.ZIP_STORED:
            raise ModelFileError(f"its entry {name} is compressed or encrypted")
        stored, size, header = _large(directory[_CENTRAL.size + n_name : end], size, stored, record[-1])
        if stored != size:
            raise ModelFileError(f"its entry {name} has two sizes")
        entries.append(Entry(name, 0, size, crc, header))
        directory = directory[end:]
    if directory:
        raise ModelFileError("its central directory is too long")
    return entries


def _large(extra: bytes, size: int, stored: int, header: int = 0) -> tuple[int, int, int]:
    """Read numbers that are too large for the header from the extra field; return stored, size, header."""
    numbers = [size, stored, header]
    if extra:
        kind, length = Struct("<2H").unpack(extra[:4]) if len(extra) >= 4 else (None, 0)
        count = sum(number == _SEE_EXTRA for number in numbers)
        # older versions of Python also repeat sizes here that fit into the header
        repeated = count == 0 and extra[4:] == Struct("<2Q").pack(size, stored)
        if kind != _EXTRA64 or length != len(extra) - 4 or not (length == 8 * count or repeated):
            raise ModelFileError("a header has unexpected content")
        large = iter(Struct(f"<{length // 8}Q").unpack(extra[4:]))
        numbers = [next(large) if number == _SEE_EXTRA else number for number in numbers]
    size, stored, header = numbers
    return stored, size, header


def pack_zip(entries: Mapping[str, bytes]) -> bytes:
    """Return a zip file with uncompressed entries, given by name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            add_entry(archive, name, [content], len(content))
    return file.getvalue()


def add_entry(archive: zipfile.ZipFile, name: str, pieces: Iterable[Any], size: int) -> dict[str, Any]:
    """Write an uncompressed entry piece by piece.

    Parameters
    ----------
    archive : ZipFile
        Open for writing.
    name : str
    pieces : iterable of bytes-like
        Its content.
    size : int
        Bytes of all pieces.

    Returns
    -------
    dict
        "size" and "sha256" of the entry.

    Examples
    --------
    >>> import io, zipfile
    >>> from sklearn_mtl.files._zip import StoredZip, add_entry
    >>> file = io.BytesIO()
    >>> with zipfile.ZipFile(file, "w") as archive:
    ...     written = add_entry(archive, "note", [b"in ", b"pieces"], 9)
    >>> StoredZip(file, len(file.getvalue())).read("note")
    b'in pieces'
    """
    info = zipfile.ZipInfo(name)  # a fixed date, so that equal entries make equal files
    info.file_size = size
    checksum, written = hashlib.sha256(), 0
    with archive.open(info, "w") as entry:
        for piece in pieces:
            entry.write(piece)
            checksum.update(piece)
            written += memoryview(piece).nbytes
    if written != size:
        raise ValueError(f"{name} has {written} bytes instead of {size}.")
    return {"size": size, "sha256": checksum.hexdigest()}
