"""Stems of sequences: embedded tokens or standardised numbers, and the mask of steps."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from ..nn._layers import Dropout
from ._base import Inputs
from ._scaling import Scaler
from ._stem_output import StemOutput
from ._tokens import FIRST, PADDING, UNKNOWN

# Standard deviation of the initial word and character vectors.
SPREAD = 0.3
# Width of the character vectors, and kernel size of their convolution.
CHARACTER_SIZE = 25
CHARACTER_KERNEL = 3


class NumberStem(nn.Module):
    """Standardise the features of each step.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_features,)
    """

    def __init__(self, mean: np.ndarray, scale: np.ndarray) -> None:
        super().__init__()
        self.scaler = Scaler(mean, scale, squashed=False)

    def forward(self, inputs: Inputs) -> StemOutput:
        numbers = self.scaler(inputs["numbers"])
        mask = mask_of(inputs["lengths"], numbers)
        return StemOutput(numbers * mask.unsqueeze(-1), 1, mask)


class TokenStem(nn.Module):
    """Concatenate the word vector of each token and a convolution over its characters.

    Parameters
    ----------
    embedding : Tensor of shape (n_words, embedding_size)
        Initial vectors, with zeros for padding.
    characters : nn.Module or None
        Maps character codes (B, L, C) to vectors (B, L, n_filters).
    token_dropout : nn.Module
        Applied to word codes (B, L).
    dropout : float
        Dropout probability of the entries of the vectors.
    """

    def __init__(
        self, embedding: Tensor, characters: nn.Module | None, token_dropout: nn.Module, dropout: float
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(embedding)
        self.characters = characters
        self.token_dropout = token_dropout
        self.dropout = Dropout(dropout)

    def forward(self, inputs: Inputs) -> StemOutput:
        # padding has code 0, whose vector stays 0 because it gets no gradient
        words = nn.functional.embedding(self.token_dropout(inputs["tokens"]), self.weight, padding_idx=PADDING)
        mask = mask_of(inputs["lengths"], words)
        vectors = words
        if self.characters is not None:
            vectors = torch.cat([words, self.characters(inputs["characters"])], dim=-1)
        return StemOutput(self.dropout(vectors), 1, mask)


class CharacterConvolution(nn.Module):
    r"""Convolve the characters of a token, and take the maximum of each filter [1]_.

    It computes :math:`\max_p \mathrm{relu}(W [e_{p-1}, e_p, e_{p+1}] + b)` over the positions p of the token.

    Parameters
    ----------
    n_characters : int
        Number of codes.
    n_filters : int
        Width of the result.
    generator : torch.Generator
        Source of the initial weights.

    References
    ----------
    .. [1] dos Santos and Zadrozny, "Learning Character-level Representations for Part-of-Speech Tagging",
       ICML 2014.
    """

    def __init__(self, n_characters: int, n_filters: int, generator: torch.Generator) -> None:
        super().__init__()
        bound = 1 / math.sqrt(CHARACTER_SIZE * CHARACTER_KERNEL)
        filters = torch.empty(n_filters, CHARACTER_SIZE, CHARACTER_KERNEL)
        self.embedding = nn.Parameter(initial_vectors(n_characters, CHARACTER_SIZE, generator))
        self.filters = nn.Parameter(filters.uniform_(-bound, bound, generator=generator))
        self.bias = nn.Parameter(torch.empty(n_filters).uniform_(-bound, bound, generator=generator))

    def forward(self, codes: Tensor) -> Tensor:
        flat = codes.flatten(0, 1).int()
        there = (flat != PADDING).unsqueeze(1)
        vectors = nn.functional.embedding(flat, self.embedding, padding_idx=PADDING).transpose(1, 2)
        responses = nn.functional.conv1d(vectors, self.filters, self.bias, padding=CHARACTER_KERNEL // 2)
        # 0 is the minimum of relu, so positions without a character do not count
        largest = (responses * there).amax(dim=-1).relu()
        return largest.unflatten(0, codes.shape[:2])


class TokenDropout(Dropout):
    r"""Replace tokens by the unknown token in training, rare words more often [1]_.

    A token whose word occurs n times in the training rows is replaced with probability :math:`p / (p + n)`. So the
    vector of the unknown token is learned from rare words, which are most similar to unseen words, and frequent
    words are rarely replaced.

    Parameters
    ----------
    p : float >= 0
    counts : ndarray of float of shape (n_words,)
        Number of occurrences of the word of each code.

    References
    ----------
    .. [1] Kiperwasser and Goldberg, "Simple and Accurate Dependency Parsing Using Bidirectional LSTM Feature
       Representations", TACL 2016.
    """

    rates: Tensor

    def __init__(self, p: float, counts: np.ndarray) -> None:
        super().__init__(p)
        rates = np.zeros(len(counts))
        rates[FIRST:] = p / np.maximum(p + counts[FIRST:], 1e-9)
        self.register_buffer("rates", torch.from_numpy(rates).float(), persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return codes
        if self.draws is None:
            raise RuntimeError("TokenDropout has no random numbers: set_draws was not called.")
        rates = self.rates[codes]
        return torch.where(self.draws.like(rates) < rates, UNKNOWN, codes)


def initial_vectors(n_codes: int, size: int, generator: torch.Generator) -> Tensor:
    """Draw vectors, (n_codes, size); those of padding and of the unknown code are zero."""
    vectors = torch.empty(n_codes, size).normal_(std=SPREAD, generator=generator)
    vectors[:FIRST] = 0.0
    return vectors


def mask_of(lengths: Tensor, like: Tensor) -> Tensor:
    """Return which steps of a tensor (B, L, W) are not padding, bool of shape (B, L)."""
    steps = torch.arange(like.shape[-2], device=like.device)
    return steps < lengths.unsqueeze(-1)
