"""Steps of pipelines that are not ours: skops writes and reads them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import Any

from ..exceptions import ModelFileError
from ..utils._optional import import_optional
from ..utils._zip import StoredZip
from ._known import full_name

EXTRA = "pipelines"
# What skops asks about, though nothing runs when it is read.
_HARMLESS = {"numpy.dtype"}


def dump_step(step: Any, path: str) -> bytes:
    """Write a step of a pipeline.

    Raises
    ------
    TypeError
        If skops does not know how; the message names the step.
    ImportError
        If skops is not installed.
    """
    skops = import_optional("skops.io", EXTRA, f"saving {path}, which is a {full_name(type(step))},")
    what = f"{path} is a {full_name(type(step))}, which cannot be saved"
    try:
        content = bytes(skops.dumps(step))
        nameless = [name for name in skops.get_untrusted_types(data=content) if "<" in name]
    except Exception as error:
        raise TypeError(f"{what}: skops says {error}") from error
    if nameless:
        raise TypeError(f"{what}: it has {', '.join(nameless)}, which could not be found again by its name.")
    return content


def load_step(content: bytes, name: str, trusted: Iterable[Any], most: int) -> Any:
    """Read a step of a pipeline.

    Parameters
    ----------
    content : bytes
        What skops wrote.
    name : str
        Of the member, for messages.
    trusted : iterable of classes and functions
        What it may hold besides that which skops trusts.
    most : int
        Bytes that compressed arrays in it may take.

    Raises
    ------
    ModelFileError
        If it holds anything else, or is damaged.
    ImportError
        If skops is not installed.
    """
    skops = import_optional("skops.io", EXTRA, f"loading {name}")
    _check_sizes(content, name, most)
    trusted = list(trusted)
    # skops names what is defined within something else by the last part only
    allowed = {full_name(value) for value in trusted} | _HARMLESS
    allowed |= {f"{value.__module__}.{value.__name__}" for value in trusted if hasattr(value, "__module__")}
    unknown = sorted(set(skops.get_untrusted_types(data=content)) - allowed)
    if unknown:
        names = ", ".join(entry.rpartition(".")[2] for entry in unknown)
        raise ModelFileError(
            f"{name} holds {', '.join(unknown)}, which skops does not know; if you trust the file and these, pass "
            f"trusted=[{names}]"
        )
    return skops.loads(content, trusted=sorted(allowed))


def _check_sizes(content: bytes, name: str, most: int) -> None:
    """Refuse what would be larger in memory than in the file; skops compresses sparse arrays only."""
    members = StoredZip(io.BytesIO(content), len(content))
    for member in members.sizes:
        if member.endswith(".npz"):
            with zipfile.ZipFile(io.BytesIO(members.read(member))) as arrays:
                if sum(entry.file_size for entry in arrays.infolist()) > most:
                    raise ModelFileError(f"the array {member} of {name} has more than max_bytes={most} bytes")
