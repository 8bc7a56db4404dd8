"""Reader of tables: numbers, categories and missing values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..columns._categories import UNSEEN, Categories
from ..trunks import MLP
from ._names import ROWS
from ._reader import Reader

if TYPE_CHECKING:
    from ._graph import Surrounding

# Names of the tensors.
NUMBERS, CODES = "numbers", "codes"


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
        table = trunk.table_
        self.columns = schema = Schema(trunk)
        self.schema = table.__getstate__()
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

    def input_names(self, name: str) -> list[str]:
        return self.columns.names or [name]

    def surround(self, around: Surrounding, name: str) -> None:
        if not self.columns.names:
            super().surround(around, name)
            return
        numbers: list[str] = []
        codes: list[str] = []
        for position, column in enumerate(self.columns.names):
            known = self.columns.texts.get(position)
            given = around.input(column, "DOUBLE" if known is None else "STRING", [ROWS, 1])
            if known is None:
                numbers.append(given)
                continue
            codes.append(self.inner(f"code {position}"))
            missing = {"": code_of_missing(known)} if known.has_missing else {}
            keys, values = [*known.values, *missing], [*known.codes.values(), *missing.values()]
            around.look_up(given, codes[-1], keys_strings=keys, values_int64s=values, default_int64=UNSEEN)
        for tensor, columns in ((NUMBERS, numbers), (CODES, codes)):
            if columns:
                around.node("Concat", columns, self.inner(tensor), axis=1)

    def refuse_text(self) -> None:
        if self.columns.texts:
            names = [self.columns.names[position] for position in self.columns.texts]
            raise TypeError(
                f"to_torch: the columns {names} of X are categories of text, which torch cannot read; convert "
                "them to numbers before fit, for instance by OrdinalEncoder, or use to_onnx."
            )


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
