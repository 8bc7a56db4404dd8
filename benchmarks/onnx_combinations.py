"""ONNX: largest difference and unequal labels of each kind of input with each architecture, under onnxruntime.

Networks are small and are trained for one epoch: what counts is that the graph computes what `predict` does.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
from _harness import save, stored
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.architectures import (
    PLE,
    AdaTT,
    CrossStitch,
    Grouped,
    HardSharing,
    Independent,
    MMoE,
    SubspaceSharing,
    TaskGraph,
)
from sklearn_mtl.export import onnx_inputs, to_onnx
from sklearn_mtl.trunks import MLP, ConvNet, ModuleTrunk, MultiInput, SequenceEncoder, VideoEncoder

ROWS = 48
RNG = np.random.default_rng(0)
ARCHITECTURES = {
    "HardSharing": HardSharing(tower_sizes=(4,)),
    "Independent": Independent(),
    "CrossStitch": CrossStitch(),
    "MMoE": MMoE(n_experts=3, top_k=2),
    "PLE": PLE(),
    "AdaTT": AdaTT(),
    "SubspaceSharing": SubspaceSharing(),
    "Grouped": Grouped([["kind"], ["price", "grade"]]),
    "TaskGraph": TaskGraph({"price": ["kind"]}, transfer="attention"),
}


def small_net(in_features: int) -> nn.Module:
    return nn.Sequential(nn.Linear(in_features, 6), nn.Tanh(), nn.Linear(6, 4))


def tokens() -> list[list[str]]:
    return [list(RNG.choice(["play", "some", "Jazz", "book", "table"], size)) for size in RNG.integers(0, 6, ROWS)]


def inputs() -> dict[str, tuple[Any, Any]]:
    """Return a trunk and its X by name."""
    frame = pd.DataFrame({"size": RNG.normal(size=ROWS), "colour": RNG.choice(["red", "blue"], ROWS)})
    frame.loc[::7, "size"] = np.nan
    image = RNG.integers(256, size=(ROWS, 8, 8), dtype=np.uint8)
    video = np.stack([image, image[::-1]], axis=1)
    steps = [RNG.normal(size=(size, 2)) for size in RNG.integers(1, 6, ROWS)]
    small = {"hidden_size": 4, "embedding_size": 3, "character_size": 2}
    both = {"said": SequenceEncoder("convolutional", n_layers=1, **small), "facts": MLP((4,))}
    return {
        "table": (MLP((6, 4), scaling="standard"), frame),
        "image": (ConvNet((2, 4), hidden_size=4), image),
        "tokens, recurrent": (SequenceEncoder(**small), tokens()),
        "tokens, convolutional": (SequenceEncoder("convolutional", n_layers=2, **small), tokens()),
        "numbers, transformer": (SequenceEncoder("transformer", 4, 1, n_heads=2), steps),
        "video": (VideoEncoder(ConvNet((2,), hidden_size=4), SequenceEncoder(hidden_size=4)), video),
        "module": (ModuleTrunk(small_net), RNG.normal(size=(ROWS, 3))),
        "several": (MultiInput(both, hidden_size=4), {"said": tokens(), "facts": frame}),
    }


def compared(trunk: Any, X: Any, architecture: Any) -> dict[str, Any]:
    """Fit one network, and compare it with its graph; return why it cannot be fitted, if it cannot."""
    y = {
        "kind": ["a", "b", "c"] * (ROWS // 3),
        "price": 1e6 + 10 * RNG.normal(size=ROWS),
        "grade": np.arange(ROWS) % 4,
    }
    types = {"grade": "ordinal", "price": "regression"}
    net = MultiTaskNetEstimator(
        types, trunk=trunk, architecture=architecture, n_members=1, max_epochs=1, device="cpu", random_state=0
    )
    try:
        net.fit(X, y)
    except (TypeError, ValueError) as error:
        return {"not_fitted": str(error)}
    session = onnxruntime.InferenceSession(to_onnx(net).SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(None, onnx_inputs(session, X)), strict=True))
    labels, probabilities = net.predict_all(X)
    gaps = {task: np.abs(found[f"{task}_probabilities"] - p).max() for task, p in probabilities.items()}
    gaps["price"] = np.abs(found["price"] - labels["price"]).max() / net.tasks_["price"].scale_[0]
    unequal = sum(int((found[f"{task}_label"] != labels[task]).sum()) for task in probabilities)
    return {"largest_difference": float(max(gaps.values())), "unequal_labels": unequal}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    known = inputs()
    parser.add_argument("inputs", nargs="*", default=list(known), help=f"some of {list(known)}")
    for name in parser.parse_args().inputs:
        trunk, X = known[name]
        found = {}
        for title, architecture in ARCHITECTURES.items():
            found[title] = compared(trunk, X, architecture)
            print(f"{name:24s}{title:18s}{found[title]}", flush=True)
        others = stored("onnx_combinations")
        others.pop("environment", None)
        save("onnx_combinations", {**others, name: found})


if __name__ == "__main__":
    main()
