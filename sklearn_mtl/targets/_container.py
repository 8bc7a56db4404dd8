"""The container of a y, and all types of containers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..utils._repeated import repeated
from ..utils._types import RowsLike
from ._arrays import ArrayType, MatrixType, StructuredType
from ._container_type import ContainerType, GivenTargets, Named, Values
from ._frames import FRAME_TYPES
from ._mapping import MappingType

#: types of containers by their saved names, in the order in which they are tried
CONTAINER_TYPES: dict[str, ContainerType] = {
    each.kind: each for each in (MappingType(), *FRAME_TYPES, StructuredType(), ArrayType(), MatrixType())
}


@dataclass(frozen=True)
class Container:
    """The kind of y and the names of its tasks, to return predictions in the same type of object.

    A model saves it. The `ContainerType` of that name reads and builds such objects.

    Parameters
    ----------
    kind : str
        Name of the type, a key of ``CONTAINER_TYPES``.
    names : tuple of str
        The tasks in the order of the container.
    labels : tuple
        The names in the container, for instance integers in a frame.
    """

    kind: str
    names: tuple[str, ...]
    labels: tuple[Any, ...]

    @classmethod
    def named(cls, names: Sequence[str]) -> Container:
        """Return the container of a mapping from task to target."""
        return cls(MappingType.kind, tuple(names), tuple(names))

    @classmethod
    def of_one_task(cls, name: str) -> Container:
        """Return the container of a 1-D array."""
        return cls(ArrayType.kind, (name,), (name,))

    @property
    def type(self) -> ContainerType:
        """The type that reads and builds containers of this kind."""
        return CONTAINER_TYPES[self.kind]

    @property
    def names_tasks(self) -> bool:
        """Whether the container names its tasks; otherwise they are matched by position."""
        return self.type.names_tasks

    def check(self) -> None:
        """Check that the type of the container of a saved model exists in this version.

        Raises
        ------
        ValueError
        """
        if self.kind not in CONTAINER_TYPES:
            raise ValueError(
                f"the model was fitted with targets of kind {self.kind!r}, which this version does not know; it "
                f"knows {sorted(CONTAINER_TYPES)}."
            )

    def wrap(self, columns: Mapping[str, np.ndarray], X: RowsLike = None) -> Any:
        """Convert predictions, one array per task, to the same type of object.

        Parameters
        ----------
        columns : mapping of str to ndarray
            Predictions of some or all tasks.
        X : object, default=None
            The rows that were predicted; the index of a frame is used.
        """
        pairs = [(name, label) for name, label in zip(self.names, self.labels, strict=True) if name in columns]
        return self.type.wrap({name: columns[name] for name, _ in pairs}, [label for _, label in pairs], X)

    def arrange(
        self,
        by_task: Mapping[str, Values],
        named: Callable[[Mapping[str, Values]], Named],
        *,
        one_column_is_plain: bool,
    ) -> Values | list[Values] | Named:
        """Arrange classes or probabilities as in scikit-learn: an array for a 1-D y, a list for a 2-D array.

        Parameters
        ----------
        by_task : mapping of str to object
            Values of some or all tasks.
        named : callable
            Converts the mapping for all other types of y.
        one_column_is_plain : bool
            Whether a frame or 2-D array with one column also returns an array, as in classifiers.
        """
        is_plain_column = one_column_is_plain and len(self.names) == 1
        return self.type.arrange(by_task, named, is_plain_column=is_plain_column)

    def with_task(self, name: str) -> Container:
        """Return the container with one more task; a mapping if this kind cannot have more."""
        names = (*self.names, name)
        return (
            Container(self.kind, names, (*self.labels, name)) if self.type.takes_more_tasks else self.named(names)
        )

    def without_tasks(self, names: Sequence[str]) -> Container:
        """Return the container of a y that lacks some tasks."""
        pairs = [pair for pair in zip(self.names, self.labels, strict=True) if pair[0] not in names]
        return Container(self.kind, tuple(name for name, _ in pairs), tuple(label for _, label in pairs))


def read_container(y: GivenTargets) -> tuple[Container, list[Any]]:
    """Return the container of y and its columns.

    Raises
    ------
    ValueError
        If y has an unknown type or no columns, or names a task twice.
    """
    for kind, each in CONTAINER_TYPES.items():
        pairs = each.read(y)
        if pairs is not None:
            labels = tuple(label for label, _ in pairs)
            return Container(kind, _checked_names(labels), labels), [column for _, column in pairs]
    raise ValueError(f"y should be a 1d or 2d array, got an array of shape {np.asarray(y).shape} instead.")


def _checked_names(labels: Sequence[Any]) -> tuple[str, ...]:
    names = tuple(str(label) for label in labels)
    twice = repeated(names)
    if twice:
        raise ValueError(f"y names a task more than once: {twice}.")
    if not names:
        raise ValueError("y has no columns: at least one task is needed.")
    return names
