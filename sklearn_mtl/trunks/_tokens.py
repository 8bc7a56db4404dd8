"""Rows of tokens, and the codes of their words and characters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from reprlib import repr as shortened
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import torch

from ..columns._arrays import as_array
from ..columns._columns import plain
from ..utils._types import RowsLike

#: codes of padding and of unknown words or characters; known ones are numbered from `FIRST`
PADDING, UNKNOWN, FIRST = 0, 1, 2
# Number of characters of a token that are read: of longer tokens half from the start and half from the end.
N_CHARACTERS = 16


class Codes(NamedTuple):
    """Concatenated codes of the tokens of all rows.

    Parameters
    ----------
    words : ndarray of int32 of shape (n_tokens,)
        Code of the word of each token.
    characters : ndarray of uint8 or int32 of shape (n_tokens, N_CHARACTERS)
        Codes of its characters, padded with `PADDING`.
    lengths : ndarray of int64 of shape (n_rows,)
        Number of tokens of each row.
    """

    words: np.ndarray
    characters: np.ndarray
    lengths: np.ndarray


class Vocabulary:
    """Learns the words and characters of token lists, and encodes such lists.

    Parameters
    ----------
    min_count : int
        Minimum number of occurrences of a known word.
    lowercase : bool
        Whether to convert words to lower case; the characters keep their case.
    known : sequence of str, default=()
        Words that are known for any number of occurrences.

    Attributes
    ----------
    words_ : dict of str to int
        Code of each known word.
    counts_ : ndarray of float of shape (n_words + 2,)
        Number of occurrences of the word of each code.
    code_points_ : ndarray of uint32, in ascending order
        Code points of the known characters.
    """

    def __init__(self, min_count: int, lowercase: bool, known: Sequence[str] = ()) -> None:
        self.min_count = min_count
        self.lowercase = lowercase
        self.known = known

    @property
    def n_characters(self) -> int:
        """Return the number of character codes."""
        return FIRST + len(self.code_points_)

    def fit(self, rows: Sequence[Sequence[str]]) -> Vocabulary:
        tokens, positions = _distinct(rows)
        counts: dict[str, int] = defaultdict(int)
        for token, count in zip(tokens, np.bincount(positions, minlength=len(tokens)).tolist(), strict=True):
            counts[self.word(token)] += count
        kept = {self.word(token) for token in self.known}
        kept |= {word for word, count in counts.items() if count >= self.min_count}
        self.words_ = {word: code for code, word in enumerate(sorted(kept), start=FIRST)}
        self.counts_ = np.array([0.0] * FIRST + [counts.get(word, 0) for word in self.words_])
        self.code_points_ = np.union1d(_code_points("".join(tokens)), np.uint32(0))  # never empty
        return self

    def word(self, token: str) -> str:
        """Return the form of a token in the vocabulary."""
        return token.lower() if self.lowercase else token

    def encode(self, rows: Sequence[Sequence[str]]) -> Codes:
        """Convert lists of tokens, checked by `token_lists`, to codes."""
        tokens, positions = _distinct(rows)
        words = [self.words_.get(self.word(token), UNKNOWN) for token in tokens]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        return Codes(np.array(words, dtype=np.int32)[positions], self._spell(tokens)[positions], lengths)

    def _spell(self, tokens: Sequence[str]) -> np.ndarray:
        """Encode the characters of unique tokens, (n_tokens, N_CHARACTERS)."""
        half = N_CHARACTERS // 2
        cut = [token if len(token) <= N_CHARACTERS else token[:half] + token[-half:] for token in tokens]
        lengths = np.fromiter(map(len, cut), np.int64, len(cut))
        points = _code_points("".join(cut))
        # the last one is used for code points above all known ones
        found = np.searchsorted(self.code_points_[:-1], points)
        codes = np.where(self.code_points_[found] == points, found + FIRST, UNKNOWN)
        spelled = np.full((len(tokens), N_CHARACTERS), PADDING, np.uint8 if self.n_characters <= 256 else np.int32)
        spelled[np.arange(N_CHARACTERS) < lengths[:, None]] = codes
        return spelled


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _distinct(rows: Sequence[Sequence[str]]) -> tuple[list[str], np.ndarray]:
    """Return the unique tokens of all rows, and the index of each token among them."""
    numbers: dict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__  # type: ignore[attr-defined]
    try:
        n_tokens = sum(map(len, rows))
        positions = np.fromiter(map(numbers.__getitem__, chain.from_iterable(rows)), np.int64, n_tokens)
    except TypeError:  # a token that is not hashable is not text
        _refuse_other_than_text(rows)
        raise
    if not all(isinstance(token, str) for token in numbers):
        _refuse_other_than_text(rows)
    return list(numbers), positions


def _refuse_other_than_text(rows: Sequence[Sequence[Any]]) -> None:
    for number, row in enumerate(rows):
        for token in row:
            if not isinstance(token, str):
                raise TypeError(f"row {number} of X has the token {shortened(token)}; a token should be a str.")


def rows_of(X: RowsLike) -> Any:
    """Return the rows of a list, an array, a Series or a frame of one column.

    Raises
    ------
    ValueError
        If there are several columns, or no rows.
    TypeError
        If X has no rows.
    """
    X = as_array(X) if isinstance(X, torch.Tensor | np.ma.MaskedArray) else plain(X)
    native = X if isinstance(X, np.ndarray) else nw.from_native(X, pass_through=True, allow_series=True)
    if isinstance(native, nw.DataFrame):
        if native.shape[1] != 1:
            raise ValueError(
                f"X has the columns {native.columns}; SequenceEncoder takes one column of sequences, and "
                "MultiInput takes several, each with its own trunk."
            )
        native = native[:, 0]
    if isinstance(native, nw.Series):
        native = native.to_list()
    elif isinstance(native, np.ndarray) and native.dtype.kind == "O" and native.shape[1:] == (1,):
        native = native[:, 0]  # the single column of the frame
    is_scalar = isinstance(native, str | Mapping) or (isinstance(native, np.ndarray) and native.ndim == 0)
    if is_scalar or not isinstance(native, Sequence | np.ndarray):
        raise TypeError(f"X should be a list, an array or a Series of sequences, got {shortened(X)}.")
    if len(native) == 0:
        raise ValueError("X has 0 samples; a minimum of 1 is required.")
    return native if isinstance(native, np.ndarray) and native.dtype.kind != "O" else _plain_rows(native)


def _plain_rows(rows: Any) -> Any:
    """Convert tensors and masked arrays among the rows to lists or arrays."""
    others = {of for of in set(map(type, rows)) if issubclass(of, torch.Tensor | np.ma.MaskedArray)}
    return [as_array(row) if type(row) in others else row for row in rows] if others else rows


def is_empty(row: Any) -> bool:
    """Return whether a row is an empty sequence."""
    return not row.strip() if isinstance(row, str) else hasattr(row, "__len__") and len(row) == 0


def first_row(rows: Any) -> Any:
    """Return the first row that is not empty; if all are empty, the first row."""
    return next((row for row in rows if not is_empty(row)), rows[0])


def token_lists(rows: Sequence[Any]) -> list[Sequence[Any]]:
    """Return each row as a list of tokens; a string is split at white space.

    Raises
    ------
    TypeError
        If a row is neither; the message names the row.
    """
    lists = []
    for number, row in enumerate(rows):
        if isinstance(row, str):
            row = row.split()
        elif not isinstance(row, list | tuple):
            row = _as_list(row, number)
        lists.append(row)
    return lists


def _as_list(row: Any, number: int) -> list[Any]:
    if isinstance(row, np.ndarray) and row.ndim == 1:
        return row.tolist()
    if not isinstance(row, np.ndarray) and hasattr(row, "to_list"):  # a Series
        return row.to_list()
    raise TypeError(
        f"row {number} of X is {shortened(row)}; it should be a list of tokens, which are str, or a string, which "
        "is split at white space."
    )
