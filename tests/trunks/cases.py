"""A case, or several, of every trunk that the package exports."""

import numpy as np
import pandas as pd
import polars as pl
import torch
from scipy.sparse import csr_matrix

from sklearn_mtl import Targets
from sklearn_mtl.testing import TrunkCase
from sklearn_mtl.trunks import MLP, ConvNet, ModuleTrunk, MultiInput, SequenceEncoder, VideoEncoder

NUMBERS = np.random.default_rng(0).normal(5, 3, size=(7, 3))
COLUMNS = {"x": NUMBERS[:, 0], "c": list("abcabca"), "z": NUMBERS[:, 1], "d": list("uuvvuuv")}
SMALL = {"hidden_sizes": (6, 4), "embedding_size": 3}
SENTENCES = [
    "play some jazz", "Play", "a table for two in an extraordinarily-expensive place", "some", "rain ?", "be",
    "play",
]  # fmt: skip
STEPS = [np.random.default_rng(length).normal(2, 3, size=(length, 3)) for length in (2, 1, 5, 3, 1, 4, 2)]
SEQUENCES = {"hidden_size": 8, "embedding_size": 5, "character_size": 3}
PIXELS = np.random.default_rng(0).integers(0, 256, size=(7, 6, 5, 3), dtype=np.uint8)
VIDEOS = np.random.default_rng(0).normal(2, 3, size=(6, 3, 5, 4, 2))
MAPS = {"channels": (4, 8), "hidden_size": 6}


def tanh_net(in_features, width=4, p=0.0):
    layers = torch.nn.Linear(in_features, width), torch.nn.Tanh(), torch.nn.Dropout(p)
    return torch.nn.Sequential(*layers)


def rows_of_steps(in_features):
    """Map rows of steps (B, L, in) to tokens (B, L, 4)."""
    return torch.nn.Sequential(torch.nn.Linear(in_features, 4), torch.nn.Tanh())


INPUTS = Targets(image=PIXELS, words=[row.split() for row in SENTENCES], sizes=NUMBERS)
BY_NAME = {
    "image": ConvNet(**MAPS),
    "words": SequenceEncoder("convolutional", **SEQUENCES),
    "sizes": MLP(hidden_sizes=(5,)),
}

TRUNK_CASES = {
    "numbers": TrunkCase(MLP(**SMALL), NUMBERS),
    "scaled": TrunkCase(MLP(**SMALL, scaling="standard"), NUMBERS),
    "squashed": TrunkCase(MLP(**SMALL, scaling="squash"), NUMBERS),
    "ranks": TrunkCase(MLP(**SMALL, scaling="squash", ranks=True), NUMBERS),
    "bins": TrunkCase(MLP(**SMALL, scaling="squash", n_bins=3), NUMBERS),
    "bins of a frame": TrunkCase(MLP(**SMALL, ranks=True, n_bins="auto"), pd.DataFrame(COLUMNS)),
    "bins of a sparse table": TrunkCase(MLP(**SMALL, n_bins=3), csr_matrix(NUMBERS * (NUMBERS > 4))),
    "ranks of a frame": TrunkCase(MLP(**SMALL, ranks=True), pd.DataFrame(COLUMNS)),
    "ranks of a sparse table": TrunkCase(MLP(**SMALL, ranks=True), csr_matrix(NUMBERS * (NUMBERS > 4))),
    "sparse": TrunkCase(MLP(**SMALL), csr_matrix(NUMBERS * (NUMBERS > 4))),
    "scaled sparse": TrunkCase(MLP(**SMALL, scaling="standard"), csr_matrix(NUMBERS * (NUMBERS > 4))),
    "pandas": TrunkCase(MLP(**SMALL, scaling="standard"), pd.DataFrame(COLUMNS)),
    "polars": TrunkCase(MLP(**SMALL), pl.DataFrame(COLUMNS)),
    "categories only": TrunkCase(MLP(**SMALL, scaling="standard"), pd.DataFrame(COLUMNS)[["c", "d"]]),
    "categories of polars only": TrunkCase(MLP(**SMALL), pl.DataFrame(COLUMNS)[["c", "d"]]),
    "categories of an array": TrunkCase(MLP(**SMALL), np.round(NUMBERS), [0, 2]),
    "dropout": TrunkCase(MLP(hidden_sizes=(32,), dropout=0.2), NUMBERS),
    "no hidden layer": TrunkCase(MLP(hidden_sizes=(), embedding_size=2), pd.DataFrame(COLUMNS)),
    "recurrent": TrunkCase(SequenceEncoder(**SEQUENCES, n_layers=2), [row.split() for row in SENTENCES]),
    "convolutional": TrunkCase(SequenceEncoder("convolutional", **SEQUENCES, pooling="mean"), SENTENCES),
    "transformer": TrunkCase(SequenceEncoder("transformer", **SEQUENCES, pooling="attention"), SENTENCES),
    "no characters": TrunkCase(SequenceEncoder("convolutional", 8, character_size=0, min_count=2), SENTENCES),
    "steps": TrunkCase(SequenceEncoder(hidden_size=8), STEPS),
    "convolved steps": TrunkCase(SequenceEncoder("convolutional", hidden_size=8), STEPS),
    "bytes": TrunkCase(ConvNet(**MAPS), PIXELS),
    "grey images": TrunkCase(ConvNet(**MAPS, pool=(2, 1)), VIDEOS[:, 0, :, :, 0]),
    "list of images": TrunkCase(ConvNet(**MAPS, channels_first=True), list(VIDEOS[:, 0])),
    "images, nothing normalised": TrunkCase(ConvNet(**MAPS, normalization=None, kernel_size=(1, 5)), VIDEOS[:, 0]),
    "images, dropout": TrunkCase(ConvNet(channels=(16, 16), hidden_size=32, dropout=0.2), PIXELS),
    "one pixel": TrunkCase(ConvNet(**MAPS, pool=3), PIXELS[:, :1, :1]),
    "videos": TrunkCase(VideoEncoder(ConvNet(**MAPS), SequenceEncoder(hidden_size=8)), VIDEOS),
    "several inputs": TrunkCase(MultiInput(BY_NAME, hidden_size=6, tokens="words"), INPUTS),
    "an image and numbers": TrunkCase(
        MultiInput({name: BY_NAME[name] for name in ("sizes", "image")}, hidden_size=6), INPUTS
    ),
    "a module": TrunkCase(ModuleTrunk(tanh_net, {"width": 6}), NUMBERS),
    "a module with dropout": TrunkCase(ModuleTrunk(tanh_net, {"width": 32, "p": 0.3}), NUMBERS),
    "a module that gives tokens": TrunkCase(ModuleTrunk(rows_of_steps), VIDEOS[:, 0, :, :, 0]),
    "bytes of videos": TrunkCase(
        VideoEncoder(ConvNet(**MAPS), SequenceEncoder("convolutional", hidden_size=8)),
        np.stack([PIXELS, PIXELS[::-1]], axis=1),
    ),
}
