"""Tasks whose losses are computed together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from ._base import Task


@dataclass(frozen=True)
class TaskGroup:
    """Tasks whose losses are computed in one call, on their concatenated columns.

    Parameters
    ----------
    names : tuple of str
        The tasks.
    task : Task
        The first task, which computes the loss of all.
    widths : tuple of int
        Number of elements of each task.
    by_column : bool, default=False
        Whether each task has one output and one element, and its loss depends on no other column.
    """

    names: tuple[str, ...]
    task: Task
    widths: tuple[int, ...]
    by_column: bool = False

    def part(self, position: int, values: Any) -> Any:
        """Return the columns of one task, by its position among the names, of the group's target or weight."""
        if len(self.names) == 1:
            return values
        each = values.shape[-1] // sum(self.widths)
        columns = self.columns[position]
        return values[..., each * columns.start : each * columns.stop]

    @property
    def columns(self) -> list[slice]:
        """Slice of the elements of each task among those of the group."""
        ends = [0, *accumulate(self.widths)]
        return [slice(start, end) for start, end in pairwise(ends)]


def group_tasks(tasks: Mapping[str, Task]) -> list[TaskGroup]:
    """Group tasks with equal fusion keys, in the order of first occurrence.

    The key of a base class is not used for a subclass that overrides the loss.
    """
    groups: dict[object, list[str]] = {}
    for name, task in tasks.items():
        key = task.fusion_key() if _is_key_of_loss(type(task)) else None
        groups.setdefault(("alone", name) if key is None else key, []).append(name)
    found = []
    for key, names in groups.items():
        widths = tuple(tasks[name].n_elements_ for name in names)
        fused = not (isinstance(key, tuple) and key[0] == "alone") and set(widths) == {1}
        found.append(TaskGroup(tuple(names), tasks[names[0]], widths, fused))
    return found


def _is_key_of_loss(task: type[Task]) -> bool:
    """Return whether the class that defines the fusion key also defines or inherits the loss."""
    key_from, loss_from = (
        next(cls for cls in task.__mro__ if name in vars(cls)) for name in ("fusion_key", "elementwise_loss")
    )
    return issubclass(key_from, loss_from)
