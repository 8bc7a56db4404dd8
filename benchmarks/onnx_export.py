"""ONNX: one row and many rows in onnxruntime compared with `predict`, largest difference, and size of the file.

One row is compared with `predict_all`, which returns the labels and probabilities that the graph computes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from _datasets import official_adult
from _harness import run_in_turn, save, table
from _texts import snips
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_digits
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.export import onnx_inputs, to_onnx, to_torch
from sklearn_mtl.trunks import MLP, ConvNet, SequenceEncoder

CALLS = 20
# Rows of adult and of SNIPS; quality is not measured here.
FITTED_ROWS = 4000


def models() -> dict[str, tuple[Any, Any]]:
    """Fit the models; return each with the rows to predict."""
    X, y, test, _ = official_adult()
    X, y = X[:FITTED_ROWS], y[:FITTED_ROWS]
    params = {"max_epochs": 2, "device": "cpu", "random_state": 0}
    mlp = MLP(scaling="standard")
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    is_text = make_column_selector(dtype_exclude=np.number)
    steps = make_column_transformer((numbers, make_column_selector(dtype_include=np.number)), (texts, is_text))
    sentences, later = snips("train"), snips("test")
    digits = load_digits()
    images = digits.images
    of_digits = {"digit": digits.target, "is_even": digits.target % 2 == 0, "ink": images.sum(axis=(1, 2))}
    return {
        "adult, one network": (MultiTaskNetEstimator(n_members=1, trunk=mlp, **params).fit(X, y), test),
        "adult, 4 networks": (MultiTaskNetEstimator(n_members=4, trunk=mlp, **params).fit(X, y), test),
        "adult, portfolio": (MultiTaskNetEstimator(**params).fit(X, y), test),
        "adult, pipeline": (
            make_pipeline(steps, MultiTaskNetEstimator(n_members=1, trunk=mlp, **params)).fit(X, y),
            test,
        ),
        "SNIPS, SequenceEncoder": (
            MultiTaskNetEstimator(n_members=1, trunk=SequenceEncoder(), batch_size=32, **params).fit(
                sentences.X[:FITTED_ROWS], sentences.y[:FITTED_ROWS]
            ),
            later.X,
        ),
        "digits, ConvNet": (
            MultiTaskNetEstimator(n_members=1, trunk=ConvNet(), tasks={"ink": "regression"}, **params).fit(
                images, of_digits
            ),
            images,
        ),
    }


def flat(values: Any, lengths: np.ndarray | None) -> np.ndarray:
    """Return the answers of all rows, or of all tokens, as one array."""
    if lengths is None:
        return np.asarray(values)
    return np.concatenate([np.asarray(row)[:length] for row, length in zip(values, lengths, strict=True)])


def differences(found: dict[str, np.ndarray], labels: Any, probabilities: Any) -> dict[str, Any]:
    """Compare labels and probabilities of all tasks with those of `predict_all`."""
    largest, unequal, n_labels = 0.0, 0, 0
    for task, expected in probabilities.items():
        is_ragged = np.asarray(expected).dtype == object
        lengths = np.array([len(row) for row in expected]) if is_ragged else None
        of_label = f"{task}_labels" if is_ragged else f"{task}_label"
        gap = flat(found[f"{task}_probabilities"], lengths) - flat(expected, lengths)
        same = flat(found[of_label], lengths) == flat(labels[task], lengths)
        largest, unequal, n_labels = (
            max(largest, float(np.abs(gap).max())),
            unequal + int((~same).sum()),
            n_labels + same.size,
        )
    return {"largest_difference": largest, "unequal_labels": unequal, "labels": n_labels}


def compared(name: str, net: Any, X: Any, rounds: int) -> dict[str, Any]:
    """Compare one model with its graph."""
    start = time.perf_counter()
    model = to_onnx(net, X=X[:100] if isinstance(net, Pipeline) else None)
    seconds = time.perf_counter() - start
    content = model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    row, some = X[:1], X[:2000]
    of_row, of_some = onnx_inputs(session, row), onnx_inputs(session, some)
    answer = predict_all if isinstance(net, Pipeline) else type(net).predict_all
    labels, probabilities = answer(net, some)
    facts = differences(dict(zip(names, session.run(None, of_some), strict=True)), labels, probabilities)
    timed = {
        "predict_all": lambda: [answer(net, row) for _ in range(CALLS)],
        "predict": lambda: [net.predict(row) for _ in range(CALLS)],
        "onnxruntime": lambda: [session.run(None, of_row) for _ in range(CALLS)],
    }
    per_call = {key: [s / CALLS for s in values] for key, values in run_in_turn(timed, rounds).items()}
    facts |= {"megabytes": len(content) / 1e6, "seconds_of_export": seconds, "rows": len(some)}
    facts["opsets"] = {opset.domain: opset.version for opset in model.opset_import}
    print(name, facts)
    many = {"predict_all": lambda: answer(net, some), "onnxruntime": lambda: session.run(None, of_some)}
    return {
        **facts,
        "one_row": table(f"{name}: one row", per_call, unit=1e-6),
        "many_rows": table(f"{name}: {len(some)} rows", run_in_turn(many, 3)),
    }


def predict_all(pipeline: Pipeline, X: Any) -> tuple[Any, Any]:
    """Return labels and probabilities, with one pass through the steps."""
    return pipeline[-1].predict_all(pipeline[:-1].transform(X))


def as_program(net: MultiTaskNetEstimator, X: np.ndarray, rounds: int, compiled: bool) -> dict[str, Any]:
    """Compare a model with its program of torch, and with that compiled by AOTInductor."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.pt2"
        start = time.perf_counter()
        to_torch(net, path)
        facts: dict[str, Any] = {"seconds_of_export": time.perf_counter() - start}
        facts["megabytes"] = path.stat().st_size / 1e6
        program = torch.export.load(path)
        runs = {"program": program.module()}
        if compiled:
            start = time.perf_counter()
            package = torch._inductor.aoti_compile_and_package(
                program, package_path=str(Path(folder) / "aoti.pt2")
            )
            facts |= {"seconds_of_compilation": time.perf_counter() - start}
            facts["megabytes_compiled"] = Path(package).stat().st_size / 1e6
            runs["AOTInductor"] = torch._inductor.aoti_load_package(package)
        labels, probabilities = net.predict_all(X)
        timed: dict[str, Any] = {"predict_all": lambda: [net.predict_all(X[:1]) for _ in range(CALLS)]}
        for name, run in runs.items():
            found = {key: values.numpy() for key, values in run(torch.tensor(X)).items()}
            facts[name] = differences(found, labels, probabilities)
            timed[name] = lambda run=run: [run(torch.tensor(X[:1])) for _ in range(CALLS)]
        per_call = {key: [s / CALLS for s in values] for key, values in run_in_turn(timed, rounds).items()}
    print("digits, program of torch", facts)
    return {**facts, "one_row": table("digits, program of torch: one row", per_call, unit=1e-6)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--compile", action="store_true", help="also compile a program for C++, which takes minutes"
    )
    arguments = parser.parse_args()
    fitted = models()
    results = {name: compared(name, net, X, arguments.rounds) for name, (net, X) in fitted.items()}
    net, images = fitted["digits, ConvNet"]
    program = as_program(net, images.astype(np.float32), arguments.rounds, arguments.compile)
    save("onnx_export", {**results, "digits, program of torch": program})
