"""Pretrained word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._tokens import Vocabulary


def check_vectors(vectors: Any, words: Sequence[str] | None) -> np.ndarray | None:
    """Return word vectors as an array (n_words, n_dimensions); None if there are none.

    Raises
    ------
    ValueError
        If they have another shape, or there are words without vectors.
    """
    if (vectors is None) != (words is None):
        raise ValueError("vectors and vocabulary of SequenceEncoder must be passed together, got only one.")
    if vectors is None or words is None:
        return None
    array = np.asarray(vectors)
    fits = array.dtype.kind in "iuf" and array.ndim == 2 and len(array) == len(words)
    if not fits or not np.isfinite(array).all():
        raise ValueError(
            f"vectors of SequenceEncoder should be finite numbers of shape (n_words, n_dimensions) for the "
            f"{len(words)} words of vocabulary, got {array.dtype} of shape {array.shape}."
        )
    return array


def place_vectors(embedding: Tensor, vectors: np.ndarray, words: Sequence[str], vocabulary: Vocabulary) -> None:
    """Write vectors into the rows of their words in an embedding; the first vector of a word is used."""
    numbers: dict[int, int] = {}
    for number, word in enumerate(words):
        numbers.setdefault(vocabulary.words_[vocabulary.word(word)], number)
    embedding[list(numbers)] = torch.from_numpy(vectors[list(numbers.values())].astype(np.float32))
