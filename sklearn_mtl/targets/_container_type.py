"""The seam for containers: what y may be, and how predictions become the same again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias, TypeVar

import narwhals.stable.v2 as nw
import numpy as np

from ..utils._types import RowsLike

Values = TypeVar("Values")
Named = TypeVar("Named")
#: y as containers are told apart: what is not the first three of these is made an array
GivenTargets: TypeAlias = Mapping[Any, Any] | Sequence[Mapping[Any, Any]] | nw.DataFrame | nw.Series | np.ndarray


class ContainerType(ABC):
    """One type of y: how its targets are read, and how predictions are put into one like it.

    A container type keeps nothing: what a single y was like is kept by `Container`. To add one, write a subclass
    and list an instance of it in ``CONTAINER_TYPES`` of ``_container.py``.
    """

    #: the name by which saved models find this type; it must never change
    kind: ClassVar[str]
    #: whether the tasks have names; those without are taken in order
    names_tasks: ClassVar[bool] = True
    #: whether there can be one more task; otherwise predictions become a mapping when a task is added
    takes_more_tasks: ClassVar[bool] = False

    @abstractmethod
    def read(self, y: GivenTargets) -> list[tuple[Any, Any]] | None:
        """List the labels of the tasks and their columns; None if y is of another type."""

    @abstractmethod
    def wrap(self, columns: Mapping[str, np.ndarray], labels: Sequence[Any], X: RowsLike) -> Any:
        """Convert predictions to this type of container.

        Parameters
        ----------
        columns : mapping of str to ndarray
            Predictions by task, in order.
        labels : sequence
            How y called these tasks.
        X : object
            What was predicted for, or None.
        """

    def arrange(
        self,
        by_task: Mapping[str, Values],
        named: Callable[[Mapping[str, Values]], Named],
        *,
        is_plain_column: bool,
    ) -> Values | list[Values] | Named:
        """Arrange classes or probabilities as scikit-learn does for this type of y, see `Container.arrange`."""
        return named(by_task)


def only_one(by_task: Mapping[str, Values]) -> Values:
    """Return the values of the only task."""
    return next(iter(by_task.values()))
