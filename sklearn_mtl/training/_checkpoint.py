"""The state of training in a file, so that training can continue after its process has died."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._version import __version__
from ..config import Checkpoint, FitConfig, May
from ..exceptions import ModelFileError
from ..files._archive import pack_archive, read_archive
from ..files._atomic import remove_left_over, write_atomically
from ..files._tree import pack_tree, unpack_tree
from ..utils._digest import digest
from ..utils._warn import warn
from ._auto import schedule_of
from ._model import Model
from ._net import MultiTaskNet
from ._training_state import resume_training, training_state

# Version of the layout of a file.
LAYOUT = 1
_PARTS = ("state.json", "tensors.safetensors")


class CheckpointFile:
    """The file of one fit in a folder of checkpoints.

    Its name is a digest of everything that the epochs depend on: parameters, rows, the model that the fit
    continues, and the release of this package. Different fits, such as those of a search, have different files.

    Parameters
    ----------
    folder : path-like
        Created if it does not exist.
    key : str
        The digest.
    every : int, default=1
        Number of epochs between writes; the last epoch is always written.
    start : int, default=0
        Epochs of the model that the fit continues.

    Raises
    ------
    NotADirectoryError
        If the folder is a file.
    """

    def __init__(self, folder: str | os.PathLike[str], key: str, every: int = 1, start: int = 0) -> None:
        self.folder = Path(folder).absolute()
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"checkpoint={str(folder)!r} should be a folder, but is a file.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key, self.every, self.start = key, every, start
        self.path = self.folder / f"{key[:40]}.checkpoint"
        remove_left_over(self.path)

    def __call__(self, net: MultiTaskNet, is_last: bool) -> None:
        """Write the state of training after an epoch, if it is due.

        Raises
        ------
        TypeError
            If a user's callback has recorded something other than a number, text or tensor.
        OSError
            If the file cannot be written; the old file is then unchanged.
        """
        if is_last or (len(net.history) - self.start) % self.every == 0:
            tree = {"kind": "checkpoint", "layout": LAYOUT, "fit": self.key, "training": training_state(net)}
            try:
                members = dict(zip(_PARTS, pack_tree(tree), strict=True))
            except TypeError as error:
                message = f"checkpoint={str(self.folder)!r} cannot hold history or optimiser: {error}"
                raise TypeError(message) from error
            write_atomically(self.path, pack_archive(members))

    def read(self) -> dict[str, Any] | None:
        """Read the state of training; None if there is no file.

        Raises
        ------
        ModelFileError
            If the file is damaged, or belongs to another fit.
        """
        try:
            members = read_archive(self.path, _PARTS)
            tree = unpack_tree(*(members[name] for name in _PARTS))
            if (tree["kind"], tree["layout"], tree["fit"]) != ("checkpoint", LAYOUT, self.key):
                raise ValueError("it is not the checkpoint of this fit")
            training = tree["training"]
            if type(training["stopped"]) is not bool or not all("epoch" in row for row in training["history"]):
                raise ValueError("it lacks the number of finished epochs")
            return training
        except FileNotFoundError:
            return None
        except (MemoryError, OSError):
            raise
        except Exception as error:  # JSON and safetensors may raise any exception
            raise self._refused(error) from error

    def resume(self, net: MultiTaskNet, training: Mapping[str, Any], epochs: int) -> int:
        """Restore a net; return the total number of epochs of the training, at most ``epochs``.

        Raises
        ------
        ModelFileError
            If the state does not match the net.
        """
        try:
            resume_training(net, training)
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise self._refused(error) from error
        done = len(net.history) - self.start
        return done if training["stopped"] else epochs

    def _refused(self, error: Exception) -> ModelFileError:
        return ModelFileError(
            f"the checkpoint {str(self.path)!r} cannot be used: {error}. Remove the file, or fit without "
            "resume=True, to start afresh."
        )


def open_checkpoint(
    config: FitConfig, rows: Sequence[Any], previous: Model | None, anneals: bool, resume: bool
) -> tuple[CheckpointFile | None, dict[str, Any] | None]:
    """Open the checkpoint of a fit, and read the state of its training.

    Parameters
    ----------
    config : FitConfig
    rows : sequence of object
        All rows, labels and weights that the user passed to ``fit``, or what identifies them.
    previous : Model or None
        The model that the fit continues.
    anneals : bool
        Whether the schedule "auto" lowers the learning rate.
    resume : bool
        Whether to read the state.

    Returns
    -------
    checkpoint : CheckpointFile or None
        None if no checkpoint is written.
    training : dict or None
        None if there is nothing to continue.

    Raises
    ------
    ValueError
        If a parameter cannot be pickled, so that the fit has no digest.
    ModelFileError
        If the file is damaged.
    """
    if config.checkpoint is None:
        return None, None
    start = 0 if previous is None else len(previous.net.history)
    key = _key(config, config.checkpoint, rows, previous, anneals)
    checkpoint = CheckpointFile(config.checkpoint.folder, key, config.checkpoint.every, start)
    training = checkpoint.read() if resume else None
    if training is None:
        return checkpoint, None
    done = len(training["history"]) - start
    if done > config.max_epochs:  # the file of a longer training is kept
        return None, None
    if done < config.max_epochs and not training["stopped"] and config.callbacks:
        warn(
            f"resume=True continues after epoch {done}, but a checkpoint does not hold the state of callbacks; "
            "some start from the beginning.",
        )
    return checkpoint, training


def _key(
    config: FitConfig,
    checkpoint: Checkpoint,
    rows: Sequence[Any],
    previous: Model | None,
    anneals: bool,
) -> str:
    """Compute the digest of everything that the epochs depend on."""
    # a schedule depends on the total number of epochs, and so does a decay
    follows = schedule_of(config, anneals) != "constant" or config.auxiliary.decays
    params = config.values_of(FitConfig.names_that(May.ENTER_KEY) | ({"max_epochs"} if follows else set()))
    origin = None
    if previous is not None:
        modules = (previous.net.module_, previous.net.criterion_)
        weights = [[tensor.numpy(force=True) for tensor in module.state_dict().values()] for module in modules]
        origin = previous.blueprint.seed, len(previous.net.history), weights
    try:
        return digest(__version__, params, *rows, origin)
    except ValueError as error:
        raise ValueError(f"checkpoint={str(checkpoint.folder)!r} cannot be used: {error}") from error
