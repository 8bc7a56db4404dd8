"""The codes of words, found by their characters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from ..trunks._tokens import UNKNOWN
from ._alphabet import Alphabet

# Bits of a key: onnxruntime adds int64 as float64, which has 53 bits.
_BITS = 53
# Number of keys of a word.
_N_KEYS = 2
# No key of a word.
_NO_KEY = -1


class Words(nn.Module):
    """Looks up words by two keys, which are weighted sums of the numbers of their characters.

    A table has the words of each remainder of the first key. Different words of the vocabulary differ in a key.
    Weights are random, so that a word that is not in the vocabulary has the keys of one that is with a probability
    of less than ``n_words * (longest * len(alphabet) / 2**53) ** 2``.

    Parameters
    ----------
    codes : mapping of str to int
        Code of each word.
    alphabet : Alphabet

    Attributes
    ----------
    longest : int
        Number of characters of the longest word.
    """

    lower: Tensor
    weights: Tensor
    table: Tensor
    keys: Tensor
    codes: Tensor

    def __init__(self, codes: Mapping[str, int], alphabet: Alphabet) -> None:
        super().__init__()
        encodable = {word: code for word, code in codes.items() if set(word) <= alphabet.numbers.keys()}
        self.longest = max(map(len, encodable), default=0)
        n_places = self.longest + 1  # one more, which tells a longer word from its beginning
        numbers = np.zeros((len(encodable), n_places), dtype=np.int64)
        for row, word in enumerate(encodable):
            numbers[row, : len(word)] = [alphabet.numbers[one] for one in word]
        highest = 2**_BITS // (len(alphabet) * n_places)
        rng = np.random.default_rng(0)
        weights = rng.integers(1, highest, size=(n_places, _N_KEYS), dtype=np.int64)
        while len(np.unique(keys := numbers @ weights, axis=0)) < len(keys):
            weights = rng.integers(1, highest, size=(n_places, _N_KEYS), dtype=np.int64)
        self.n_rests = 1 << max(len(keys), 1).bit_length()
        buffers = {
            "lower": alphabet.lower,
            "weights": weights,
            "table": _by_rest(keys[:, 0] % self.n_rests, self.n_rests),
            "keys": np.vstack([keys, np.full((1, _N_KEYS), _NO_KEY)]),
            "codes": np.append(np.array(list(encodable.values()), dtype=np.int64), UNKNOWN),
        }
        for name, values in buffers.items():
            self.register_buffer(name, torch.from_numpy(values))

    def forward(self, letters: Tensor) -> Tensor:
        """Return the codes (B, L) of tokens (B, L, C), of which C is at least ``longest + 1``."""
        numbers = self.lower[letters[:, :, : len(self.weights)]]
        keys = (numbers.unsqueeze(3) * self.weights).sum(dim=2)
        candidates = self.table[keys[:, :, 0] % self.n_rests].long()
        hits = (self.keys[candidates] == keys.unsqueeze(2)).all(dim=3)
        code = (self.codes[candidates] * hits).sum(dim=2)
        return torch.where(hits.any(dim=2), code, UNKNOWN)


def _by_rest(rests: np.ndarray, n_rests: int) -> np.ndarray:
    """Return the words of each remainder, int32 of shape (n_rests, most); the number of words stands for none."""
    counts = np.bincount(rests, minlength=n_rests)
    order = np.argsort(rests, kind="stable")
    place = np.arange(len(order)) - (np.cumsum(counts) - counts)[rests[order]]
    table = np.full((n_rests, max(1, counts.max())), len(rests), dtype=np.int32)
    table[rests[order], place] = order
    return table
