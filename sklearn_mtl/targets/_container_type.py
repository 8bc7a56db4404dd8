"""Base class of the types of containers of y."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias, TypeVar

import narwhals.stable.v2 as nw
import numpy as np

from ..utils._types import RowsLike

Values = TypeVar("Values")
Named = TypeVar("Named")
#: types that containers distinguish; any other y is converted to an array first
GivenTargets: TypeAlias = Mapping[Any, Any] | Sequence[Mapping[Any, Any]] | nw.DataFrame | nw.Series | np.ndarray


class ContainerType(ABC):
    """Base class of the types of y, which read targets and build containers of predictions.

    A container type has no state: `Container` describes a single y. To add a type, write a subclass and list an
    instance of it in ``CONTAINER_TYPES`` of ``_container.py``.
    """

    #: name of the type in saved models; it must never change
    kind: ClassVar[str]
    #: whether the container names its tasks; otherwise they are matched by position
    names_tasks: ClassVar[bool] = True
    #: whether tasks can be added; otherwise predictions are a mapping after a task was added
    takes_more_tasks: ClassVar[bool] = False

    @abstractmethod
    def read(self, y: GivenTargets) -> list[tuple[Any, Any]] | None:
        """Return the name of each task in y and its column; None if y has another type."""

    @abstractmethod
    def wrap(self, columns: Mapping[str, np.ndarray], labels: Sequence[Any], X: RowsLike) -> Any:
        """Convert predictions to this type of container.

        Parameters
        ----------
        columns : mapping of str to ndarray
            Predictions by task, in order.
        labels : sequence
            The names of these tasks in y.
        X : object
            The rows that were predicted, or None.
        """

    def arrange(
        self,
        by_task: Mapping[str, Values],
        named: Callable[[Mapping[str, Values]], Named],
        *,
        is_plain_column: bool,
    ) -> Values | list[Values] | Named:
        """Arrange classes or probabilities as in scikit-learn for this type of y; see `Container.arrange`."""
        return named(by_task)


def only_one(by_task: Mapping[str, Values]) -> Values:
    """Return the values of the only task."""
    return next(iter(by_task.values()))
