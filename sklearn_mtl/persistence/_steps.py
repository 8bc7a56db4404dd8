"""Pipeline steps from other packages, which are written and read by skops."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.interpolate import BSpline
from scipy.sparse import load_npz
from sklearn import feature_selection

from ..exceptions import ModelFileError
from ..files._zip import StoredZip, pack_zip
from ..utils._optional import import_optional
from ._known import CONTAINERS, PACKAGE, SCRIPT, full_name

EXTRA = "pipelines"
_FUNCTIONS = (
    np.mean, np.median, np.min, np.max, np.sum, np.prod, np.std, np.var, np.clip, np.nan_to_num, np.round,
)  # fmt: skip
_SCORES = ("chi2", "f_classif", "f_regression", "mutual_info_classif", "mutual_info_regression", "r_regression")
# Types that skops does not trust, although reading them runs no code; sparse arrays and splines are checked here.
_HARMLESS = {
    "numpy.dtype",
    "numpy.number",
    "builtins.object",
    "functools.partial",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.impute._iterative._ImputerTriplet",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    full_name(BSpline),
    *map(full_name, _FUNCTIONS),
    *(full_name(getattr(feature_selection, name)) for name in _SCORES),
    *(f"scipy.sparse._{kind}.{kind}_{form}" for kind in ("csr", "csc") for form in ("matrix", "array")),
}
_SCHEMA = "schema.json"


def dump_step(step: Any, path: str) -> bytes:
    """Serialise a step of a pipeline.

    Raises
    ------
    TypeError
        If skops cannot write it, or cannot read it again; the message names the step.
    ImportError
        If skops is not installed.
    """
    skops = import_optional("skops.io", EXTRA, f"saving {path}, which is a {full_name(type(step))},")
    what = f"{path} is a {full_name(type(step))}, which cannot be saved"
    try:
        content = _in_order(bytes(skops.dumps(step)))
        unknown = skops.get_untrusted_types(data=content)
    except Exception as error:
        raise TypeError(f"{what}: skops says {error}") from error
    nameless = [name for name in unknown if "<" in name]
    if nameless:
        raise TypeError(f"{what}: it has {', '.join(nameless)}, which cannot be found by its name.")
    ours = [name for name in unknown if name.startswith(f"{PACKAGE}.")]
    if ours:
        estimator = next((name for name in ours if name.startswith(f"{PACKAGE}.estimator.")), ours[0])
        advice = "use its best_estimator_ instead" if hasattr(step, "best_estimator_") else "save with joblib"
        raise TypeError(
            f"{what}: it contains a {estimator.rpartition('.')[2]}, and of scikit-learn only "
            f"{', '.join(cls.__name__ for cls in CONTAINERS.values())} can be saved with one; {advice}."
        )
    try:
        skops.loads(content, trusted=unknown)
    except Exception as error:
        raise TypeError(
            f"{what}: skops writes it, but cannot read it again ({error}); save with joblib."
        ) from error
    return content


def _in_order(content: bytes) -> bytes:
    """Renumber the objects in a skops file by position, so that equal steps make equal files."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(entries.pop(_SCHEMA))
    objects: dict[int, int] = {}
    files: dict[str, str] = {}
    for node in _nodes(schema):
        if type(node.get("__id__")) is int:
            node["__id__"] = objects.setdefault(node["__id__"], len(objects))
        if node.get("file") in entries:
            node["file"] = files.setdefault(node["file"], f"{len(files)}.{node['file'].rpartition('.')[2]}")
    ordered = {files.get(name, name): entry for name, entry in entries.items()}
    ordered[_SCHEMA] = json.dumps(schema).encode()
    return pack_zip(dict(sorted(ordered.items())))


def _nodes(value: Any) -> Iterable[dict[str, Any]]:
    """Yield the dicts within JSON, outer ones first."""
    if isinstance(value, dict):
        yield value
    for entry in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _nodes(entry)


def load_step(content: bytes, name: str, trusted: Iterable[Any], most: int) -> Any:
    """Deserialise a step of a pipeline.

    Parameters
    ----------
    content : bytes
        Output of skops.
    name : str
        Name of the entry, for messages.
    trusted : iterable of classes and functions
        What it may contain in addition to types that skops trusts.
    most : int
        Maximum bytes of its compressed arrays.

    Raises
    ------
    ModelFileError
        If it contains other types, or is damaged.
    ImportError
        If skops is not installed.
    """
    skops = import_optional("skops.io", EXTRA, f"loading {name}")
    _check_arrays(content, name, most)
    trusted = list(trusted)
    content = _of_modules(content, trusted)
    # skops uses only the last part of nested names
    allowed = {full_name(value) for value in trusted} | _HARMLESS
    allowed |= {f"{value.__module__}.{value.__name__}" for value in trusted if hasattr(value, "__module__")}
    unknown = sorted(set(skops.get_untrusted_types(data=content)) - allowed)
    if unknown:
        names = ", ".join(entry.rpartition(".")[2] for entry in unknown)
        raise ModelFileError(
            f"{name} holds {', '.join(unknown)}, which skops does not trust; if you do trust them, pass "
            f"trusted=[{names}]"
        )
    step = skops.loads(content, trusted=sorted(allowed))
    _check_splines(step)
    return step


def _check_splines(step: Any) -> None:
    """Rebuild loaded splines, because scipy checks knots and coefficients only in the constructor."""
    seen: set[int] = set()
    left = [step]
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, BSpline):
            vars(value).update(vars(BSpline(*value.tck, extrapolate=value.extrapolate, axis=value.axis)))
        elif isinstance(value, list | tuple):
            left += value
        else:
            left += (value if isinstance(value, dict) else getattr(value, "__dict__", {})).values()


def _of_modules(content: bytes, trusted: Sequence[Any]) -> bytes:
    """Rename definitions of ``__main__`` to the modules of the trusted ones."""
    modules = {value.__name__: value.__module__ for value in trusted if getattr(value, "__module__", None)}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        moved = [node for node in _nodes(schema) if node.get("__module__") == SCRIPT]
        if not moved:
            return content
        entries = {name: archive.read(name) for name in archive.namelist()}
    for node in moved:
        node["__module__"] = modules.get(node.get("__class__"), SCRIPT)
    entries[_SCHEMA] = json.dumps(schema).encode()
    return pack_zip(entries)


def _check_arrays(content: bytes, name: str, most: int) -> None:
    """Raise ModelFileError if a compressed sparse array is too large or has invalid indices."""
    entries = StoredZip(io.BytesIO(content), len(content))
    for entry in entries.sizes:
        packed = entries.read(entry)
        if zipfile.is_zipfile(io.BytesIO(packed)):
            with zipfile.ZipFile(io.BytesIO(packed)) as arrays:
                if sum(info.file_size for info in arrays.infolist()) > most:
                    raise ModelFileError(f"the array {entry} of {name} has more than max_bytes={most} bytes")
            array = load_npz(io.BytesIO(packed))
            if array.format in ("csr", "csc"):
                array.check_format(full_check=True)
