"""The reader of a trunk, also of one with several inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from ..trunks import MLP, ConvNet, ModuleTrunk, MultiInput, SequenceEncoder, Trunk, VideoEncoder
from ..utils._same import same
from ._read_arrays import ImageReader, RowsReader
from ._read_sequences import StepsReader, TokenReader
from ._read_table import TableReader
from ._reader import Reader

if TYPE_CHECKING:
    from ._graph import Surrounding


class SeveralReader(Reader):
    """Reads several inputs of the same rows, each by its own reader.

    Parameters
    ----------
    trunk : MultiInput
        Fitted.
    """

    def __init__(self, trunk: MultiInput) -> None:
        super().__init__()
        self.names = [_name_of(key, inner) for key, inner in trunk.inputs_.items()]
        self.readers = nn.ModuleList(map(reader_of, trunk.inputs_.values()))
        for position, reader in enumerate(self._each()):
            reader.prefix = f"{position}/"
        self.tokens = None if trunk.tokens_ is None else list(trunk.inputs_).index(trunk.tokens_)
        self.schema = [(name, type(one), one.schema) for name, one in zip(self.names, self._each(), strict=True)]

    def _each(self) -> list[Any]:
        return list(self.readers)

    def forward(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        inputs: dict[str, Tensor] = {}
        for position, reader in enumerate(self._each()):
            start = len(reader.prefix)
            own = {name[start:]: values for name, values in given.items() if name.startswith(reader.prefix)}
            read = reader(own)
            inputs |= {reader.prefix + name: values for name, values in read.items()}
            if position == self.tokens and "lengths" in read:
                inputs["lengths"] = read["lengths"]
        return inputs

    def examples(self) -> dict[str, Tensor]:
        return {
            reader.prefix + name: values for reader in self._each() for name, values in reader.examples().items()
        }

    def axes(self) -> dict[str, dict[int, str]]:
        return {
            reader.prefix + tensor: names for reader in self._each() for tensor, names in reader.axes().items()
        }

    def input_names(self, name: str) -> list[str]:
        return [one for own, reader in self._named() for one in reader.input_names(own)]

    def surround(self, around: Surrounding, name: str) -> None:
        for own, reader in self._named():
            reader.surround(around, own)

    def refuse_text(self) -> None:
        for reader in self._each():
            reader.refuse_text()

    def _named(self) -> list[tuple[str, Any]]:
        return list(zip(self.names, self._each(), strict=True))


def _name_of(key: Any, trunk: Trunk) -> str:
    """Return the name of an input that is one array."""
    if not isinstance(key, tuple):
        return str(key)
    if isinstance(trunk, MLP) and not trunk.table_.names_:
        raise TypeError(
            f"to_onnx: the input {key!r} of MultiInput joins arrays to a table without names of columns; pass X "
            "as a frame, each column of which becomes an input."
        )
    return ", ".join(map(str, key))


# Exact classes: a subclass may read X in another way.
_BY_TYPE: dict[type[Trunk], Callable[[Any], Reader]] = {
    MLP: TableReader,
    ConvNet: ImageReader,
    VideoEncoder: ImageReader,
    SequenceEncoder: lambda trunk: TokenReader(trunk) if trunk.n_features_ is None else StepsReader(trunk),
    ModuleTrunk: RowsReader,
    MultiInput: SeveralReader,
}


def reader_of(trunk: Trunk) -> Reader:
    """Return the reader of a fitted trunk.

    Raises
    ------
    TypeError, ValueError
        If the trunk, or its kind of X, is not supported.
    """
    if type(trunk) in _BY_TYPE:
        return _BY_TYPE[type(trunk)](trunk)
    supported = ", ".join(known.__name__ for known in _BY_TYPE)
    raise TypeError(
        f"the trunk {type(trunk).__name__} cannot be exported, because only its own Python code knows how to read "
        f"X; supported are {supported}. For Python, save the model by save_model."
    )


def require_one_schema(readers: Sequence[Reader]) -> None:
    """Check that the networks of a portfolio read the same columns and categories, images or words."""
    first, *others = readers
    if not all(type(first) is type(other) and same(first.schema, other.schema) for other in others):
        raise TypeError("recipes of a portfolio that read X in different ways cannot be exported together.")
