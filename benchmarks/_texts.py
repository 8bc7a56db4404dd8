"""Real sentences with a class and a tag for each token, from the folder in SKLEARN_MTL_DATA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from _harness import data_folder

from sklearn_mtl import Targets


class Sentences(NamedTuple):
    """Token lists of some sentences, and their targets."""

    X: np.ndarray
    y: Targets


def snips(part: str) -> Sentences:
    """Read requests to an assistant: the intent of each, and a slot for each word."""
    folder = data_folder("snips") / part
    words, slots, intents = (
        (folder / name).read_text(encoding="utf-8").splitlines() for name in ("seq.in", "seq.out", "label")
    )
    X = column([line.split() for line in words])
    return Sentences(X, Targets(intent=np.array(intents), slots=column([line.split() for line in slots])))


WNUT17 = {"train": "wnut17train.conll", "dev": "emerging.dev.conll", "test": "emerging.test.annotated"}


def wnut17(part: str) -> Sentences:
    """Read posts: emerging entities, and whether there is one."""
    lines = (data_folder("wnut17") / WNUT17[part]).read_text(encoding="utf-8").splitlines()
    tokens: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            token, tag = line.split("\t")[:2]
            tokens[-1].append(token.strip() or "_")
            tags[-1].append(tag.strip())
        elif tokens[-1]:
            tokens.append([])
            tags.append([])
    posts = [(t, g) for t, g in zip(tokens, tags, strict=True) if t]
    has_entity = np.array([any(tag != "O" for tag in row) for _, row in posts])
    entities = column([row for _, row in posts])
    return Sentences(column([row for row, _ in posts]), Targets(has_entity=has_entity, entities=entities))


def column(rows: Sequence[list[str]]) -> np.ndarray:
    """Make a column of lists, also if all have the same length."""
    objects = np.empty(len(rows), dtype=object)
    objects[:] = rows
    return objects
