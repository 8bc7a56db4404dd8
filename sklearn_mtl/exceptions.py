"""Exceptions and warnings of sklearn_mtl."""

__all__ = [
    "DivergenceError",
    "ModelFileError",
    "ModelVersionWarning",
    "OutOfMemoryError",
    "SingleClassWarning",
    "TaskTypeWarning",
]


class DivergenceError(ArithmeticError):
    """Training produced a loss or a parameter that is not finite.

    The fitted model, if there was one before, is left as it was. In a search the candidate fails with
    scikit-learn's ``error_score``.

    Parameters
    ----------
    message : str
        What diverged, in which epoch and batch.
    task : str or None, default=None
        The task whose loss was the first to be NaN or infinite; None if a parameter was.
    epoch : int or None, default=None
        Epoch, counted from 1.
    batch : int or None, default=None
        Batch within the epoch, counted from 1.
    """

    def __init__(
        self, message: str, task: str | None = None, epoch: int | None = None, batch: int | None = None
    ) -> None:
        super().__init__(message, task, epoch, batch)
        self.task = task
        self.epoch = epoch
        self.batch = batch

    def __str__(self) -> str:
        return str(self.args[0])


class ModelFileError(ValueError):
    """A file of a model, or a checkpoint, is damaged or not what it should be.

    Nothing of it was used.
    """


class OutOfMemoryError(MemoryError):
    """The memory of the device, or of the machine, does not hold what was to be computed.

    The message says what that was, and what needs less. The fitted model, if there was one before, is left as it
    was. In a search the candidate fails with scikit-learn's ``error_score``.
    """


class SingleClassWarning(UserWarning):
    """A classification task has labels of one class only, so that there is nothing to learn in it."""


class ModelVersionWarning(UserWarning):
    """A saved model was written by another version of sklearn_mtl than the one that loads it."""


class TaskTypeWarning(UserWarning):
    """The type of a task was guessed from labels that could be classes as well as numbers.

    It is said of integers that are taken as numbers, and of whole floats, whichever way they are taken. State the
    type in the parameter ``tasks``, or fit a `MultiTaskNetClassifier` or `MultiTaskNetRegressor`.
    """
