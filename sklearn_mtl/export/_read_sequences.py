"""Readers of sequences: tokens and steps of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..trunks import SequenceEncoder
from ..trunks._tokens import N_CHARACTERS
from ._alphabet import NONE, OTHER, Alphabet
from ._names import CHARACTERS, ROWS, STEPS
from ._reader import Reader
from ._words import Words

if TYPE_CHECKING:
    from ._graph import Surrounding

# Names of the tensors.
LETTERS, NUMBERS = "letters", "numbers"


class TokenReader(Reader):
    """Finds the codes of words, and of their characters, by the characters of each token.

    The tensor that it takes has the number of each character in an `Alphabet`, (B, L, C), with 0 for none: L is
    the number of tokens of the longest row, and C that of the characters of the longest token. A row ends behind
    its last token that has characters.

    Parameters
    ----------
    trunk : SequenceEncoder
        Fitted to tokens.
    """

    spelled: Tensor

    def __init__(self, trunk: SequenceEncoder) -> None:
        super().__init__()
        words = trunk.words_
        self.alphabet = Alphabet(words)
        self.words = Words(words.words_, self.alphabet)
        self.has_characters = bool(trunk.character_size)
        self.register_buffer("spelled", torch.from_numpy(self.alphabet.spelled))
        self.schema = (words.words_, words.code_points_, words.lowercase)

    def forward(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        letters = given[LETTERS]
        width = max(N_CHARACTERS, self.words.longest + 1)
        letters = torch.cat([letters, letters.new_zeros(*letters.shape[:2], width)], dim=2)
        steps = torch.arange(letters.shape[1])
        lengths = ((letters[:, :, 0] != NONE) * (steps + 1)).amax(dim=1)
        there = steps < lengths.unsqueeze(1)
        inputs = {"tokens": torch.where(there, self.words(letters), 0)}
        if self.has_characters:
            inputs["characters"] = self.spelled[_cut(letters)]
        return {**inputs, "lengths": lengths}

    def examples(self) -> dict[str, Tensor]:
        return {LETTERS: torch.full((3, 4, 5), OTHER)}

    def axes(self) -> dict[str, dict[int, str]]:
        return {LETTERS: {1: self.axis(STEPS), 2: self.axis(CHARACTERS)}}

    def surround(self, around: Surrounding, name: str) -> None:
        around.input(name, "STRING", [ROWS, self.axis(STEPS)])
        characters = self.inner("characters")
        # an empty separator splits between all characters
        split = {"mark": 0, "mincharnum": 1, "pad_value": "", "separators": [""]}
        around.node("Tokenizer", [name], characters, domain="com.microsoft", **split)
        numbers = {"": NONE, **self.alphabet.numbers}
        keys, values = list(numbers), list(numbers.values())
        around.look_up(
            characters, self.inner(LETTERS), keys_strings=keys, values_int64s=values, default_int64=OTHER
        )

    def refuse_text(self) -> None:
        raise TypeError("to_torch: X is tokens of text, which torch cannot read; use to_onnx.")


def _cut(letters: Tensor) -> Tensor:
    """Return the characters that are read, (B, L, N_CHARACTERS): of longer tokens the first and the last ones."""
    n_letters = (letters != NONE).sum(dim=2, keepdim=True)
    place = torch.arange(N_CHARACTERS)
    from_end = (n_letters - N_CHARACTERS).clamp(min=0) * (place >= N_CHARACTERS // 2)
    return letters.gather(2, place + from_end)


class StepsReader(Reader):
    """Places numbers (B, L, n_features); steps of only NaN at the end of a row are padding.

    Parameters
    ----------
    trunk : SequenceEncoder
        Fitted to numbers.
    """

    middle: Tensor
    unit: Tensor

    def __init__(self, trunk: SequenceEncoder) -> None:
        super().__init__()
        self.dtype = torch.float64 if trunk.dtype_ == "float64" else torch.float32
        self.placed = trunk.is_placed_  # else by the stem
        middle, unit = trunk.scaler_
        self.register_buffer("middle", torch.from_numpy(np.array(middle)))
        self.register_buffer("unit", torch.from_numpy(np.array(unit)))
        self.schema = (trunk.n_features_, middle, unit, self.dtype)

    def forward(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        numbers = given[NUMBERS]
        known = ~numbers.isnan().all(dim=2)
        lengths = (known * torch.arange(1, numbers.shape[1] + 1)).amax(dim=1)
        there = (torch.arange(numbers.shape[1]) < lengths.unsqueeze(1)).unsqueeze(2)
        if self.placed:
            numbers = (numbers - self.middle) / self.unit
        return {"numbers": torch.where(there, numbers, 0.0).to(self.dtype), "lengths": lengths}

    def examples(self) -> dict[str, Tensor]:
        return {NUMBERS: torch.zeros(3, 4, len(self.middle), dtype=torch.float64)}

    def axes(self) -> dict[str, dict[int, str]]:
        return {NUMBERS: {1: self.axis(STEPS)}}
