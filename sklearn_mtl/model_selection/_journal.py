"""Folder of finished results, from which a search resumes after an interruption."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from numbers import Real
from pathlib import Path
from typing import Any

from .._version import __version__
from ..files._atomic import write_atomically
from ..utils._digest import digest
from ..utils._warn import warn
from ._record import Record

# Version of the file layout.
LAYOUT = 1


class DiskFailure(BaseException):
    """Carries a disk error through scikit-learn's search, which would convert it to a score of NaN.

    Parameters
    ----------
    error : OSError
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error


class Journal:
    """Scores of finished fits, one file for each candidate and fold.

    The file name is a digest of everything that the scores depend on: the estimator's parameters, the training
    rows, the scoring and the release of this package. If any of these changes, the fit is trained again. Other
    files in the folder are ignored. Files are JSON, with a checksum.

    Parameters
    ----------
    folder : path-like
        Created if it does not exist.
    scoring : object
        The ``scoring`` of the search.

    Raises
    ------
    ValueError
        If the scoring cannot be pickled, so that its digest cannot be computed.
    NotADirectoryError
        If the folder is a file.
    """

    def __init__(self, folder: str | os.PathLike[str], scoring: Any) -> None:
        self.folder = Path(folder).absolute()
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"journal={str(folder)!r} should be a folder, but is a file.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.purpose = digest(__version__, scoring)

    def read(self, key: str) -> dict[str, Record]:
        """Return the records of a fit, by the digest of the scored rows; empty if the fit is not finished.

        A damaged file is ignored with a warning.

        Raises
        ------
        DiskFailure
            If the file exists but cannot be read.
        """
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise DiskFailure(error) from error
        try:
            return decode_records(content)
        except Exception:  # invalid records may raise any exception
            message = f"The journal's file {path.name} is damaged; its candidate is trained again."
            warn(message)
            return {}

    def write(self, key: str, records: Mapping[str, Record]) -> None:
        """Write the records of a fit atomically.

        Raises
        ------
        DiskFailure
            For instance if the disk is full.
        """
        try:
            write_atomically(self._path(key), encode_records(records))
        except OSError as error:
            raise DiskFailure(error) from error

    def _path(self, key: str) -> Path:
        return self.folder / f"{digest(self.purpose, key)[:40]}.json"


def encode_records(records: Mapping[str, Record]) -> bytes:
    """Return records as JSON, with a checksum."""
    content = {rows: asdict(record) for rows, record in records.items()}
    return json.dumps({"layout": LAYOUT, "checksum": _checksum(content), "records": content}).encode()


def decode_records(data: bytes) -> dict[str, Record]:
    """Return the records of `encode_records`; raise an error of any kind if they are damaged."""
    file = json.loads(data)
    content = file["records"]
    if file["layout"] != LAYOUT or file["checksum"] != _checksum(content):
        raise ValueError("not a file of this layout, or changed")
    records = {rows: Record(**record) for rows, record in content.items()}
    for record in records.values():
        if not record.is_complete or not all(isinstance(score, Real) for score in record.tasks.values()):
            raise ValueError("a score is invalid")
    return records


def _checksum(content: Any) -> str:
    # json writes floats by repr, which is read as the same float, so the content is reproduced exactly
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
