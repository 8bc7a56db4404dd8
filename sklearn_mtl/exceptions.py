"""Exceptions and warnings of sklearn_mtl."""

__all__ = [
    "DivergenceError",
    "ModelFileError",
    "ModelVersionWarning",
    "OutOfMemoryError",
    "ParallelError",
    "SingleClassWarning",
    "TaskTypeWarning",
]


class DivergenceError(ArithmeticError):
    """Training produced a loss or a parameter that is not finite.

    An earlier fitted model stays unchanged. In a search the candidate fails, and scikit-learn's ``error_score``
    applies.

    Parameters
    ----------
    message : str
        What diverged, and in which epoch and batch.
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
    """A model file or checkpoint is damaged or invalid.

    None of its content was used.
    """


class OutOfMemoryError(MemoryError):
    """The memory of the device or of the machine is not sufficient.

    The message says what was computed and how to use less memory. An earlier fitted model stays unchanged. In a
    search the candidate fails, and scikit-learn's ``error_score`` applies.
    """


class ParallelError(RuntimeError):
    """A process of a fit by several processes has failed, or has not answered in time.

    It is raised in the other processes. An earlier fitted model stays unchanged.
    """


class SingleClassWarning(UserWarning):
    """All labels of a classification task belong to one class, so there is nothing to learn."""


class ModelVersionWarning(UserWarning):
    """A saved model was written by a different version of sklearn_mtl."""


class TaskTypeWarning(UserWarning):
    """The type of a task was inferred from labels that could be classes or numbers.

    It is issued for integers that are inferred as numbers, and for all whole floats. State the type in the
    parameter ``tasks``, or fit a `MultiTaskNetClassifier` or `MultiTaskNetRegressor`.
    """
