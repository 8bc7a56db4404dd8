"""Files of fitted models, without pickle."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..estimator._estimator import MultiTaskNetEstimator
from ..exceptions import ModelFileError
from ..files._archive import DIGEST, read_digest, read_entries
from ..files._atomic import remove_left_over, replaced_file
from ..files._zip import StoredZip, add_entry
from ._decode import Decoder, memory_of, parse
from ._encode import Encoder
from ._facts import as_values, facts_of
from ._known import CONTAINERS, HOLDERS, Registry
from ._steps import load_step
from ._tensors import load_tensors, tensor_pieces

#: format and layout version in the digest; the version is that of the file layout, not of the state
FORMAT, LAYOUT = "sklearn_mtl model", 1
MANIFEST, TENSORS = "manifest.json", "tensors.safetensors"
_NAMES = r"digest\.json|manifest\.json|tensors\.safetensors|step-\d{1,3}\.skops"
# Maximum memory for the manifest, in addition to three times the size of the file.
_ROOM = 2**28
_MODELS = (MultiTaskNetEstimator, *HOLDERS, *CONTAINERS.values())
# Maximum length of error messages, which may quote the file.
_LONGEST_REASON = 500


def save_model(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Save an estimator, or a pipeline with one, in a file that can be loaded without running code from it.

    The file is a zip of JSON and safetensors, with a checksum of each part; see the user guide. It is written
    atomically, so that there is always a complete file under its name.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator, MultiTaskNetClassifier, MultiTaskNetRegressor or Pipeline
        Fitted or not. Pipeline steps from other packages are written by skops. A `FeatureUnion`, a
        `ColumnTransformer` and a `TransformedTargetRegressor` can be saved like a pipeline, and can be steps of
        one. So can views of a task, the calibrated and thresholded classifiers of scikit-learn around them, a
        `SelfTrainingMultiTask <sklearn_mtl.semi_supervised.SelfTrainingMultiTask>`, a
        `TaskGrouping <sklearn_mtl.model_selection.TaskGrouping>`, a
        `ConformalMultiTask <sklearn_mtl.uncertainty.ConformalMultiTask>` and a
        `CalibratedMultiTask <sklearn_mtl.uncertainty.CalibratedMultiTask>`.
        For a search, save ``best_estimator_``.
    path : path-like
        File to write or replace; its folder exists.

    Raises
    ------
    TypeError
        If a part of it cannot be saved, such as callbacks; the message says where it is. No file is changed.
    ValueError
        If its text, lists and dicts are too large to be loaded again.
    ImportError
        If a pipeline has other steps and skops is not installed.
    OSError
        If the file cannot be written, for instance because the disk is full; the old file is then unchanged.

    See Also
    --------
    load_model : Load such a file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor, load_model, save_model
    >>> X, y = load_linnerud(return_X_y=True)
    >>> net = MultiTaskNetRegressor(max_epochs=5, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(net, Path(folder) / "net.mtl")
    ...     loaded = load_model(Path(folder) / "net.mtl")
    >>> bool((loaded.predict(X) == net.predict(X)).all())
    True
    """
    if not isinstance(estimator, _MODELS):
        raise TypeError(_not_a_model(estimator))
    encoder = Encoder(Registry())
    manifest = json.dumps(encoder.encode(estimator, ""), separators=(",", ":"), allow_nan=False).encode()
    arrays = encoder.tensors
    n_bytes = len(next(tensor_pieces(arrays))) + sum(array.nbytes for array in arrays.values())
    if memory_of(manifest) > 3 * (len(manifest) + n_bytes) + _ROOM:
        raise ValueError(
            f"the estimator has {len(manifest)} bytes of text, lists and dicts, more than load_model would read."
        )
    with replaced_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        entries = {
            MANIFEST: add_entry(archive, MANIFEST, [manifest], len(manifest)),
            TENSORS: add_entry(archive, TENSORS, tensor_pieces(arrays), n_bytes),
            **{name: add_entry(archive, name, [step], len(step)) for name, step in encoder.steps.items()},
        }
        digest = json.dumps({"format": FORMAT, "layout": LAYOUT, "members": entries}, indent=1).encode()
        add_entry(archive, DIGEST, [digest], len(digest))
    remove_left_over(path)


def load_model(path: str | os.PathLike[str], trusted: Iterable[Any] = (), *, max_bytes: int = 2**33) -> Any:
    """Load a file of `save_model`.

    No code from the file is run, and no class is imported for it: it may name only the classes of this package and
    those in ``trusted``. Everything is checked before use: the sizes of all parts before they are read, their
    checksums, and the shapes of the weights against the network.

    Parameters
    ----------
    path : path-like
    trusted : sequence of classes and functions, default=()
        Your own classes that the file may name: trunks, tasks, pipeline steps, and functions in their parameters.
    max_bytes : int, default=2**33
        Maximum size of the file. Loading takes about twice the size of the file in memory.

    Returns
    -------
    MultiTaskNetEstimator, MultiTaskNetClassifier, MultiTaskNetRegressor or Pipeline
        The saved estimator, on the device of its parameter ``device`` if available, otherwise on the CPU.

    Raises
    ------
    ModelFileError
        If the file is damaged, too large, or not such a file. No other loader is tried. The checksums detect
        damage, but a forged file can have valid checksums.
    OSError
        If the file cannot be opened, for instance because it does not exist.
    ImportError
        If the file needs skops, which is not installed.

    Warns
    -----
    ModelVersionWarning
        If the file was written by another version of this package.

    See Also
    --------
    save_model : Write such a file.
    """
    registry = Registry(trusted)
    with open(path, "rb") as file, _one_error(Path(path)):
        entries, size, room = _checked_entries(file, max_bytes)
        tensors = load_tensors(entries.pop(TENSORS))
        manifest = parse(entries.pop(MANIFEST))

        def step(name: str) -> Any:
            return load_step(entries.pop(name), name, registry.trusted, max_bytes)

        decoder = Decoder(registry, tensors, step, size, room)
        del tensors
        loaded = decoder.decode(manifest)
        left = [*decoder.unused, *entries]
        if left:
            raise ModelFileError(f"its parts {left[:5]} are not used")
        if not isinstance(loaded, _MODELS):
            raise ModelFileError(f"it holds a {type(loaded).__name__}, not an estimator")
        return loaded


def model_info(path: str | os.PathLike[str], *, max_bytes: int = 2**33) -> dict[str, Any]:
    """Read what a file of `save_model` holds, without building the networks.

    No class is needed for it, so it also reads files with classes that `load_model` would have to trust.

    Parameters
    ----------
    path : path-like
    max_bytes : int, default=2**33
        Maximum size of the file.

    Returns
    -------
    dict
        Of values that JSON can hold:

        - "bytes": size of the file;
        - "estimator": name of the class, and "steps": the classes of the steps of a pipeline, otherwise empty;
        - "versions": versions of the packages that wrote it;
        - "columns": for each column of X its "name" or position, its "kind", "number" or "category", and for
          categories "n_categories"; the kind is None for inputs that are no table, and there are no columns for a
          pipeline with other steps;
        - "tasks": by name the "type" of the task, "classes" if it has any, and whether it is "auxiliary";
        - "networks": for each recipe, or each fit, "recipe" or None, "architecture", "trunk", "members",
          "parameters" (numbers that are stored as weights), "epochs", the "weights" of a recipe by task and, if
          rows were held out, "validation".

        "validation" has the "loss" and, if it was computed, the "score" of each task on these rows, at the epoch
        with the smallest mean loss; the mean over the members.

    Raises
    ------
    ModelFileError
        If the file is damaged, too large, or not such a file.
    OSError
        If the file cannot be opened, for instance because it does not exist.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor, save_model
    >>> from sklearn_mtl.persistence import model_info
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> net = MultiTaskNetRegressor(n_members=1, max_epochs=5, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(net, Path(folder) / "net.mtl")
    ...     info = model_info(Path(folder) / "net.mtl")
    >>> list(info["tasks"]), info["columns"][0]
    (['Weight', 'Waist', 'Pulse'], {'name': 'Chins', 'kind': 'number'})
    """
    with open(path, "rb") as file, _one_error(Path(path)):
        entries, _, _ = _checked_entries(file, max_bytes)
        arrays = load_tensors(entries.pop(TENSORS))
        n_bytes = file.seek(0, os.SEEK_END)
        return {"bytes": n_bytes, **facts_of(as_values(parse(entries.pop(MANIFEST)), arrays))}


def _checked_entries(file: Any, max_bytes: int) -> tuple[dict[str, bytes], int, int]:
    """Return the entries of a file, their size, and the bytes that decoded values may take."""
    entries = _read_entries(StoredZip(file, _size_of(file, max_bytes), _NAMES))
    size = sum(map(len, entries.values()))
    room = 3 * size + _ROOM - memory_of(entries[MANIFEST])
    if room < 0:
        raise ModelFileError("its text, lists and dicts would take too much memory")
    return entries, size, room


@contextmanager
def _one_error(path: Path) -> Iterator[None]:
    """Convert all errors of a file to ModelFileError."""
    try:
        yield
    except (Warning, ImportError):  # warnings that are raised as errors, and a missing skops
        raise
    except MemoryError as error:
        raise ModelFileError(f"{path.name} cannot be loaded: it needs more memory than available.") from error
    except ModelFileError as error:
        raise ModelFileError(f"{path.name} cannot be loaded: {error}.") from error
    except Exception as error:
        what = f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
        raise ModelFileError(f"{path.name} cannot be loaded: damaged or not a model file ({what}).") from error


def _size_of(file: Any, max_bytes: int) -> int:
    size = file.seek(0, os.SEEK_END)
    if size > max_bytes:
        raise ModelFileError(f"it has {size} bytes, more than max_bytes={max_bytes}")
    return int(size)


def _read_entries(archive: StoredZip) -> dict[str, bytes]:
    """Read all entries except the digest, and check them against the digest."""
    digest = read_digest(archive)
    if digest["format"] != FORMAT or type(digest["layout"]) is not int:
        raise ModelFileError("it is not a model file")
    if digest["layout"] != LAYOUT:
        raise ModelFileError(f"it has layout {digest['layout']}, but this version reads layout {LAYOUT}")
    if not {MANIFEST, TENSORS} <= set(digest["members"]):
        raise ModelFileError(f"it has no {MANIFEST} or no {TENSORS}")
    return read_entries(archive, digest["members"])


def _not_a_model(estimator: Any) -> str:
    what = f"save_model saves estimators of sklearn_mtl and pipelines, not a {type(estimator).__name__}"
    if hasattr(estimator, "best_estimator_"):
        return f"{what}; save its best_estimator_."
    return f"{what}."
