"""Rows of every kind that a trunk takes, with targets of every level that such rows have."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.datasets import make_digit_strings
from sklearn_mtl.tasks import BoundingBox, Count
from sklearn_mtl.trunks import MLP, ConvNet, MultiInput, SequenceEncoder, VideoEncoder

from ._helpers import column

N = 36
SMALL = {"hidden_size": 12, "embedding_size": 6, "character_size": 4}


class InputsCase(NamedTuple):
    """Rows and targets, the network that learns them, and why it cannot be stacked."""

    X: Any
    y: Targets
    params: dict[str, Any]
    alone: str | None = None

    def net(self, **params) -> MultiTaskNetEstimator:
        """Make a network that is fitted within a second."""
        defaults = {"max_epochs": 3, "batch_size": 8, "early_stopping": False, "random_state": 0}
        return MultiTaskNetEstimator(**{**defaults, **self.params, **params})


def sentences():
    rng = np.random.default_rng(0)
    verbs, things = ["play", "stop", "find"], ["jazz", "rock", "a table", "old songs"]
    rows = [f"{rng.choice(verbs)} {rng.choice(things)} {'now' * rng.integers(2)}".split() for _ in range(N)]
    tags = [["B-verb", *("B-thing" if i == 0 else "I-thing" for i in range(len(row) - 1))] for row in rows]
    return column(rows), Targets(verb=np.array([row[0] for row in rows]), tags=column(tags))


def steps():
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(rng.integers(2, 7), 3)) for _ in range(N)]
    signs = [(row[:, 0] > 0).astype(int).tolist() for row in rows]
    mean = np.array([row[:, 1].mean() for row in rows])
    return column(rows), Targets(mean=mean, signs=column(signs))


def strings():
    return make_digit_strings(N, max_digits=3, random_state=0)


def scenes():
    """Make images of one bright rectangle each, with its pixels, its box and its area."""
    rng = np.random.default_rng(0)
    X = 0.1 * rng.random((N, 8, 10, 1), dtype=np.float32)
    corners = np.column_stack([rng.integers(0, 5, size=N), rng.integers(0, 4, size=N)])
    sizes = rng.integers(2, 5, size=(N, 2))
    boxes = np.column_stack([corners, corners + sizes]).astype(float)
    pixels = np.zeros((N, 8, 10), dtype=int)
    for row, (x0, y0, x1, y1) in enumerate(boxes.astype(int)):
        pixels[row, y0:y1, x0:x1] = 1
    X[pixels == 1] += 0.8
    return X, Targets(pixels=pixels, box=boxes, area=pixels.sum(axis=(1, 2)))


def videos():
    rng = np.random.default_rng(0)
    X = rng.random((N, 4, 6, 6, 1), dtype=np.float32)
    bright = (X.mean(axis=(2, 3, 4)) > 0.5).astype(int) + 1
    return X, Targets(brightness=X.mean(axis=(1, 2, 3, 4)).astype(float), bright=bright)


def posts():
    """Make a picture, a title and two numbers for each row."""
    words, y = sentences()
    images, strings_of = strings()
    rng = np.random.default_rng(1)
    X = Targets(title=words, picture=images, numbers=rng.normal(size=(N, 2)))
    return X, Targets(verb=y["verb"], tags=y["tags"], largest=strings_of["largest"])


def small_net(in_features):
    return nn.Sequential(nn.Linear(in_features, 6), nn.Tanh(), nn.Dropout(0.1))


def table():
    X = np.random.default_rng(0).normal(size=(N, 4))
    return X, Targets(sign=X[:, 0] > 0, sum=X.sum(axis=1))


RAGGED = "rows of different lengths"


def of_tokens(alone=RAGGED, **params):
    return InputsCase(*sentences(), {"trunk": SequenceEncoder(**SMALL, **params)}, alone)


CASES: dict[str, Callable[[], InputsCase]] = {
    "tokens, recurrent": lambda: of_tokens("one network at a time"),
    "tokens, convolutional": lambda: of_tokens(encoder="convolutional"),
    "tokens, transformer": lambda: of_tokens(encoder="transformer", n_heads=2),
    "numbers of steps": lambda: InputsCase(
        *steps(), {"trunk": SequenceEncoder(encoder="convolutional", hidden_size=12)}, RAGGED
    ),
    "several inputs": lambda: InputsCase(
        *posts(),
        {
            "trunk": MultiInput(
                {
                    "title": SequenceEncoder("convolutional", **SMALL),
                    "picture": ConvNet(channels=(4,), hidden_size=6),
                    "numbers": MLP(hidden_sizes=(4,)),
                },
                hidden_size=12,
                tokens="title",
            )
        },
        RAGGED,
    ),
    "a module": lambda: InputsCase(*table(), {"trunk": small_net}, "dropout inside of it"),
    "images": lambda: InputsCase(*strings(), {"trunk": ConvNet(channels=(4, 8), hidden_size=12)}),
    "labels of pixels, and boxes": lambda: InputsCase(
        *scenes(),
        {"trunk": ConvNet(channels=(4, 8), hidden_size=12), "tasks": {"box": BoundingBox(), "area": Count()}},
    ),
    "videos": lambda: InputsCase(
        *videos(),
        {
            "trunk": VideoEncoder(
                ConvNet(channels=(4,), hidden_size=6),
                SequenceEncoder(encoder="transformer", hidden_size=12, n_heads=2, dropout=0.0),
            )
        },
    ),
}
