"""Readers of X: what the exported graph takes, and its conversion to the inputs of a network.

A reader is a torch module that computes what ``encode`` of the trunk computes in numpy. It is traced. Texts, which
torch cannot read, come as codes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..columns._categories import UNSEEN, Categories
from ..trunks import MLP, ConvNet, Trunk
from ..utils._same import same

#: names of the tensors that readers take
NUMBERS, CODES, IMAGES = "numbers", "codes", "images"


class Reader(nn.Module):
    """Maps the tensors of the graph to the encoded inputs of one network."""

    @abstractmethod
    def forward(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the encoded inputs of a batch."""

    @abstractmethod
    def examples(self) -> dict[str, Tensor]:
        """Return tensors of a few rows, by which the graph is traced."""


class Schema:
    """The columns of a table as the graph takes them.

    Parameters
    ----------
    trunk : MLP
        Fitted.

    Attributes
    ----------
    names : list of str
        Names of all columns; empty for an array.
    read_as_numbers : list of int
        Positions of the columns that come as numbers, in the order of the tensor.
    texts : dict of int to Categories
        By position, the categories of the columns that come as text.
    """

    def __init__(self, trunk: MLP) -> None:
        table = trunk.table_
        self.names: list[str] = table.names_
        categories = dict(zip(table.categorical_, table.categories_, strict=True))
        self.texts = {column: known for column, known in categories.items() if known.kind == "text"}
        for column, known in categories.items():
            self._refuse(known, self.names[column] if self.names else column)
        if self.texts and not self.names:
            raise TypeError(
                "to_onnx: X is an array with text and numbers, but an ONNX input has one type; fit to a frame, "
                "each column of which becomes an input."
            )
        self.read_as_numbers = [column for column in range(table.n_columns_) if column not in self.texts]

    def _refuse(self, known: Categories, name: Any) -> None:
        if known.kind == "text" and "" in known.codes:
            raise ValueError(
                f"to_onnx: the empty text is a category of column {name!r} of X, but in ONNX it stands for a "
                "missing value; replace it before fit."
            )
        if known.kind not in ("text", "number"):
            raise TypeError(
                f"to_onnx does not support the categories of column {name!r} of X, such as {known.values[0]!r}; "
                "convert them to text or numbers before fit."
            )
        if known.kind == "number" and any(float(value) != value for value in known.values):
            raise ValueError(
                f"to_onnx: column {name!r} of X has categories that float64 does not hold exactly; convert them "
                "to text before fit."
            )


class TableReader(Reader):
    """Fills, places and marks the numbers of a table, and finds the codes of its categories.

    Parameters
    ----------
    trunk : MLP
        Fitted.
    """

    middle: Tensor
    unit: Tensor
    fill: Tensor
    empty: Tensor

    def __init__(self, trunk: MLP) -> None:
        super().__init__()
        schema, table = Schema(trunk), trunk.table_
        self.dtype = torch.float64 if table.dtype == np.float64 else torch.float32
        self.scaled, self.placed = trunk.scaling is not None, trunk.place_ is not None
        self.fills = trunk.fill_ is not None  # models of older versions have no missing numbers
        self.told = [int(column) for column in trunk.told_]
        place = {column: place for place, column in enumerate(schema.read_as_numbers)}
        self.numeric = [place[column] for column in table.numeric_]
        self.n_numbers, self.n_texts = len(schema.read_as_numbers), len(schema.texts)
        self.categories: list[tuple[int | None, Categories]] = [
            (place.get(column), known) for column, known in zip(table.categorical_, table.categories_, strict=True)
        ]
        n = len(self.numeric)
        middle, unit = trunk.place_ or (np.zeros(n), np.ones(n))
        fill, empty = (trunk.fill_, trunk.empty_) if self.fills else (np.zeros(n), np.zeros(n, dtype=bool))
        for name, values in {"middle": middle, "unit": unit, "fill": fill, "empty": empty}.items():
            self.register_buffer(name, torch.from_numpy(np.array(values)))

    def forward(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        inputs = self._numbers(given[NUMBERS][:, self.numeric]) if self.numeric else {}
        if self.categories:
            inputs["categorical"] = self._codes(given)
        return inputs

    def _numbers(self, numbers: Tensor) -> dict[str, Tensor]:
        inputs = {}
        if self.fills:
            missing = numbers.isnan()
            numbers = torch.where(missing | self.empty, self.fill, numbers)
            if self.told:
                inputs["missing"] = missing[:, self.told].to(self.dtype)
        held = numbers.to(self.dtype)
        placed = ((numbers - self.middle) / self.unit).to(self.dtype) if self.placed else held
        inputs["numeric"] = placed if self.scaled else held
        if self.placed and not self.scaled:
            inputs["placed"] = placed
        return inputs

    def _codes(self, given: Mapping[str, Tensor]) -> Tensor:
        texts = iter(range(self.n_texts))
        return torch.stack(
            [
                given[CODES][:, next(texts)] if column is None else _code_of(given[NUMBERS][:, column], known)
                for column, known in self.categories
            ],
            dim=1,
        )

    def examples(self) -> dict[str, Tensor]:
        given = {}
        if self.n_numbers:
            given[NUMBERS] = torch.zeros(3, self.n_numbers, dtype=torch.float64)
        if self.n_texts:
            given[CODES] = torch.zeros(3, self.n_texts, dtype=torch.int64)
        return given


def code_of_missing(known: Categories) -> int:
    """Return the code of a missing value."""
    return len(known) - 1 if known.has_missing else UNSEEN


def _code_of(values: Tensor, known: Categories) -> Tensor:
    """Return the codes (B,) of numbers (B,) that are categories."""
    codes = torch.zeros_like(values, dtype=torch.int64)
    if known.values:
        numbers = torch.tensor([float(value) for value in known.values], dtype=torch.float64)
        hits = values.unsqueeze(-1) == numbers
        codes = (hits * torch.arange(1, len(numbers) + 1)).sum(dim=-1)
    return torch.where(values.isnan(), code_of_missing(known), codes)


class ImageReader(Reader):
    """Brings images of a fixed range and dtype to the shape (B, H, W, C).

    Parameters
    ----------
    trunk : ConvNet
        Fitted.
    """

    def __init__(self, trunk: ConvNet) -> None:
        super().__init__()
        images = trunk.images_
        self.shape, self.channels_first = images.shape_, images.channels_first
        of_numbers = torch.float64 if images.dtype == np.float64 else torch.float32
        self.are_bytes = images.range_ is not None and images.range_.kind == "bytes"
        self.dtype = torch.uint8 if self.are_bytes else of_numbers

    def forward(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        images = given[IMAGES]
        if self.shape[-1] == 1:
            images = images.unsqueeze(-1)
        elif self.channels_first:
            images = images.movedim(-3, -1)
        return {"images": images}

    def examples(self) -> dict[str, Tensor]:
        height, width, channels = self.shape
        colours = (channels, height, width) if self.channels_first else (height, width, channels)
        return {IMAGES: torch.zeros(3, *((height, width) if channels == 1 else colours), dtype=self.dtype)}


def reader_of(trunk: Trunk) -> Reader:
    """Return the reader of a fitted trunk.

    Raises
    ------
    TypeError, ValueError
        If the trunk, or its kind of X, is not supported.
    """
    if type(trunk) is MLP:
        return TableReader(trunk)
    if type(trunk) is ConvNet:
        return ImageReader(trunk)
    raise TypeError(
        f"to_onnx does not support the trunk {type(trunk).__name__} yet; it supports MLP and ConvNet. For Python, "
        "save the model by save_model."
    )


def require_one_schema(trunks: list[Trunk]) -> None:
    """Check that the networks of a portfolio read the same columns and categories, or the same images."""
    schemas = [_schema_of(trunk) for trunk in trunks]
    if not all(same(schemas[0], schema) for schema in schemas[1:]):
        raise TypeError("to_onnx does not support recipes of a portfolio that read X in different ways.")


def _schema_of(trunk: Trunk) -> Any:
    if isinstance(trunk, MLP):
        return trunk.table_.__getstate__()
    images = trunk.images_ if isinstance(trunk, ConvNet) else None
    return None if images is None else (images.shape_, images.channels_first, images.dtype, images.range_)
