"""A folder of finished results, so that a search that was killed goes on where it was."""

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

# Version of the layout of a file.
LAYOUT = 1


class DiskFailure(BaseException):
    """Carries an error of the disk out of scikit-learn's search, which would make it a score of NaN.

    Parameters
    ----------
    error : OSError
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error


class Journal:
    """Scores of finished fits, one file for each candidate and fold.

    A file's name is a digest of all that the scores depend on: the estimator's parameters, the training rows,
    the scoring and the release of this package. A search that is changed in any of them finds nothing and
    trains; whatever else is in the folder is not looked at. Files are JSON, with a checksum.

    Parameters
    ----------
    folder : path-like
        Made if it is not there.
    scoring : object
        The ``scoring`` of the search.

    Raises
    ------
    ValueError
        If the scoring cannot be pickled, so that it cannot be recognised.
    NotADirectoryError
        If the folder is a file.
    """

    def __init__(self, folder: str | os.PathLike[str], scoring: Any) -> None:
        self.folder = Path(folder).absolute()
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"journal={str(folder)!r} should be a folder, it is a file.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.purpose = digest(__version__, scoring)

    def read(self, key: str) -> dict[str, Record]:
        """Return the records of a fit, by the digest of the rows that were scored; none if it is not finished.

        A file that is damaged counts as not there, with a warning.

        Raises
        ------
        DiskFailure
            If the file is there and cannot be read.
        """
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise DiskFailure(error) from error
        try:
            return _decode(content)
        except Exception:  # whatever JSON that is no record of ours runs into
            message = f"The journal's file {path.name} is damaged; its candidate is trained again."
            warn(message)
            return {}

    def write(self, key: str, records: Mapping[str, Record]) -> None:
        """Keep the records of a fit, all at once.

        Raises
        ------
        DiskFailure
            If the disk is full, for instance.
        """
        try:
            write_atomically(self._path(key), _encode(records))
        except OSError as error:
            raise DiskFailure(error) from error

    def _path(self, key: str) -> Path:
        return self.folder / f"{digest(self.purpose, key)[:40]}.json"


def _encode(records: Mapping[str, Record]) -> bytes:
    content = {rows: asdict(record) for rows, record in records.items()}
    return json.dumps({"layout": LAYOUT, "checksum": _checksum(content), "records": content}).encode()


def _decode(data: bytes) -> dict[str, Record]:
    file = json.loads(data)
    content = file["records"]
    if file["layout"] != LAYOUT or file["checksum"] != _checksum(content):
        raise ValueError("not a file of this layout, or changed")
    records = {rows: Record(**record) for rows, record in content.items()}
    for record in records.values():
        if not record.is_complete or not all(isinstance(score, Real) for score in record.tasks.values()):
            raise ValueError("what should be a score is none")
    return records


def _checksum(content: Any) -> str:
    # json writes floats by repr, which gives the same float when it is read: what is read is written alike
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
