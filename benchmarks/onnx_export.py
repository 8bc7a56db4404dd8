"""ONNX: one row and many rows in onnxruntime compared with `predict`, largest difference, and size of the file.

One row is compared with `predict_all`, which returns the labels and probabilities that the graph computes.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import onnxruntime
from _datasets import official_adult
from _harness import run_in_turn, save, table
from sklearn.datasets import load_digits

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.export import onnx_inputs, to_onnx
from sklearn_mtl.trunks import MLP, ConvNet

CALLS = 20
# Rows of adult; quality is not measured here.
FITTED_ROWS = 4000


def models() -> dict[str, tuple[MultiTaskNetEstimator, Any]]:
    """Fit the models; return each with the rows to predict."""
    X, y, test, _ = official_adult()
    X, y = X[:FITTED_ROWS], y[:FITTED_ROWS]
    params = {"max_epochs": 2, "device": "cpu", "random_state": 0}
    mlp = MLP(scaling="standard")
    digits = load_digits()
    images = digits.images
    of_digits = {"digit": digits.target, "is_even": digits.target % 2 == 0, "ink": images.sum(axis=(1, 2))}
    return {
        "adult, one network": (MultiTaskNetEstimator(n_members=1, trunk=mlp, **params).fit(X, y), test),
        "adult, 4 networks": (MultiTaskNetEstimator(n_members=4, trunk=mlp, **params).fit(X, y), test),
        "adult, portfolio": (MultiTaskNetEstimator(**params).fit(X, y), test),
        "digits, ConvNet": (
            MultiTaskNetEstimator(n_members=1, trunk=ConvNet(), tasks={"ink": "regression"}, **params).fit(
                images, of_digits
            ),
            images,
        ),
    }


def compared(name: str, net: MultiTaskNetEstimator, X: Any, rounds: int) -> dict[str, Any]:
    """Compare one model with its graph."""
    start = time.perf_counter()
    content = to_onnx(net).SerializeToString()
    seconds = time.perf_counter() - start
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    row, some = X[:1], X[:2000]
    of_row, of_some = onnx_inputs(session, row), onnx_inputs(session, some)
    found, (labels, probabilities) = (
        dict(zip(names, session.run(None, of_some), strict=True)),
        net.predict_all(some),
    )
    difference = max(np.abs(found[f"{task}_probabilities"] - p).max() for task, p in probabilities.items())
    unequal = sum(int((found[f"{task}_label"] != np.asarray(labels[task])).sum()) for task in probabilities)
    timed = {
        "predict_all": lambda: [net.predict_all(row) for _ in range(CALLS)],
        "predict": lambda: [net.predict(row) for _ in range(CALLS)],
        "onnxruntime": lambda: [session.run(None, of_row) for _ in range(CALLS)],
    }
    per_call = {key: [s / CALLS for s in values] for key, values in run_in_turn(timed, rounds).items()}
    facts = {"megabytes": len(content) / 1e6, "seconds_of_export": seconds}
    facts |= {"largest_difference": float(difference), "unequal_labels": unequal, "rows": len(some)}
    print(name, facts)
    many = {"predict_all": lambda: net.predict_all(some), "onnxruntime": lambda: session.run(None, of_some)}
    return {
        **facts,
        "one_row": table(f"{name}: one row", per_call, unit=1e-6),
        "many_rows": table(f"{name}: {len(some)} rows", run_in_turn(many, 3)),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    save("onnx_export", {name: compared(name, net, X, rounds) for name, (net, X) in models().items()})
