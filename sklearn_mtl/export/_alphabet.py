"""The characters that a vocabulary tells apart, numbered."""

from __future__ import annotations

import sys
from functools import cache

import numpy as np

from ..trunks._tokens import FIRST, PADDING, UNKNOWN, Vocabulary
from ..utils._warn import warn

#: numbers of no character, and of one that is not in the alphabet; others are numbered from 2
NONE, OTHER = 0, 1
# Characters that have no place in UTF-8.
_SURROGATES = range(0xD800, 0xE000)
# Their lower case depends on the characters beside them, or is several characters.
_BY_CONTEXT = {"ς": "a sigma at the end of a word", "\u0307": "the capital I with a dot"}


class Alphabet:
    """The characters of words and those whose lower case is one of them, numbered from 2.

    Parameters
    ----------
    vocabulary : Vocabulary
        Fitted.

    Attributes
    ----------
    numbers : dict of str to int
        Number of each character.
    lower : ndarray of int64 of shape (n_numbers,)
        By number, that of the lower case; unchanged if the vocabulary keeps the case.
    spelled : ndarray of int64 of shape (n_numbers,)
        By number, the code of the character in the vocabulary.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        known = [int(point) for point in vocabulary.code_points_]
        in_words = set("".join(vocabulary.words_))
        capitals = {one: low for one, low in _capitals().items() if vocabulary.lowercase and low in in_words}
        characters = {chr(point) for point in known} | in_words | set(capitals)
        characters -= {chr(point) for point in _SURROGATES}
        self.numbers = {one: number for number, one in enumerate(sorted(characters), start=2)}
        self.lower = np.arange(2 + len(self.numbers))
        for one, low in capitals.items():
            self.lower[self.numbers[one]] = self.numbers[low]
        codes = {chr(point): code for code, point in enumerate(known, start=FIRST)}
        self.spelled = np.array([PADDING, UNKNOWN, *(codes.get(one, UNKNOWN) for one in self.numbers)])
        if vocabulary.lowercase:
            _warn_of_context(in_words)

    def __len__(self) -> int:
        return len(self.lower)


@cache
def _capitals() -> dict[str, str]:
    """Return all characters that have another one as their lower case."""
    lower = {chr(point): chr(point).lower() for point in range(sys.maxunicode + 1) if point not in _SURROGATES}
    return {one: low for one, low in lower.items() if one != low and len(low) == 1}


def _warn_of_context(in_words: set[str]) -> None:
    for character, what in _BY_CONTEXT.items():
        if character in in_words:
            warn(
                f"to_onnx: the vocabulary has words with {what}, whose lower case depends on the characters "
                "beside it; in capitals these words are unknown to the graph. Convert tokens to lower case before "
                "you pass them."
            )
