"""Base class of what reads X in a graph."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from ._names import INNER

if TYPE_CHECKING:
    from ._graph import Surrounding


class Reader(nn.Module):
    """Maps the tensors of a graph to the encoded inputs of one network, as ``encode`` of the trunk does in numpy.

    It is traced. Texts, which torch cannot read, come as codes, which nodes around the traced graph look up.

    Attributes
    ----------
    schema : object
        What X must be; readers of equal schemas take the same tensors.
    prefix : str
        Of the names of its tensors, if it is one of several.
    """

    schema: Any
    prefix = ""

    @abstractmethod
    def forward(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the encoded inputs of a batch."""

    @abstractmethod
    def examples(self) -> dict[str, Tensor]:
        """Return tensors of a few rows, by which the graph is traced."""

    def axes(self) -> dict[str, dict[int, str]]:
        """Return the names of the axes of any size, other than rows, by tensor and position."""
        return {}

    def input_names(self, name: str) -> list[str]:
        """Return the names of the inputs that the user sees; ``name`` is that of an array."""
        return [name]

    def surround(self, around: Surrounding, name: str) -> None:
        """Add the inputs, and the nodes that convert them to tensors; by default an array is the tensor."""
        (tensor,) = self.examples()
        around.take(self.inner(tensor), name)

    def refuse_text(self) -> None:
        """Raise TypeError if texts are read, which a program of torch cannot."""

    def axis(self, name: str) -> str:
        """Return the name of one of its axes, which differs from those of other readers beside it."""
        return f"{name}_{self.prefix[:-1]}" if self.prefix else name

    def inner(self, tensor: str) -> str:
        """Return the name of one of its tensors within the graph."""
        return f"{INNER}{self.prefix}{tensor}"
