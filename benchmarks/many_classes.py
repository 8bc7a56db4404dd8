"""A classification with 100,000 classes: the adaptive softmax beside the full one, in time, memory and accuracy.

Frequencies of classes follow Zipf's law. A row is the vector of its class with noise. Each contender runs in a
process of its own, because memory is that at the peak of the process.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from functools import partial

import numpy as np
import torch
from _harness import save

from sklearn_mtl import MultiTaskNetEstimator, Optimizer, Targets
from sklearn_mtl.tasks import Classification
from sklearn_mtl.trunks import MLP

CONTENDERS = ("adaptive", "full")
INPUTS, WIDTH, BATCH, NOISE, NEW_ROWS = 32, 128, 256, 0.3, 1_000


def data(n_rows: int, n_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw classes by Zipf's law, and rows near the vectors of their classes."""
    vectors = np.random.default_rng(0).standard_normal((n_classes, INPUTS), dtype=np.float32)
    rng = np.random.default_rng(seed)
    frequency = 1 / np.arange(1, n_classes + 1)
    names = np.random.default_rng(1).permutation(n_classes)  # the most frequent class has any number
    label = names[rng.choice(n_classes, size=n_rows, p=frequency / frequency.sum())]
    return vectors[label] + NOISE * rng.standard_normal((n_rows, INPUTS), dtype=np.float32), label


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def seconds_of(call: partial, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(softmax: str, n_rows: int, n_classes: int, epochs: int) -> dict[str, float]:
    """Fit one contender in this process."""
    torch.set_num_threads(1)
    X, label = data(n_rows, n_classes, seed=2)
    new, true = data(NEW_ROWS, n_classes, seed=3)
    net = MultiTaskNetEstimator(
        tasks={"class": Classification(classes=range(n_classes), softmax=softmax)}, trunk=MLP((WIDTH,)),
        n_members=1, batch_size=BATCH, max_epochs=epochs, early_stopping=False, learning_rate=3e-3,
        optimizer=Optimizer(schedule="constant"), device="cpu", random_state=0,
    )  # fmt: skip
    before = peak_mib()
    net.fit(X, Targets({"class": label}))
    fitted = peak_mib()
    predict = seconds_of(partial(net.predict, new), 3)
    predicted = peak_mib()
    right = net.predict(new)["class"].astype(int) == true
    return {
        "epoch_s": float(net.history_["dur"].median()), "fit_mib": fitted - before,
        "predict_s": predict, "predict_mib": predicted - before,
        "proba_s": seconds_of(partial(net.predict_proba, new), 1), "accuracy": float(right.mean()),
        "parameters": sum(p.numel() for p in net.net_.module_.parameters()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=100_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--contender", choices=CONTENDERS, help="for the script's own use")
    given = parser.parse_args()
    sizes = given.rows, given.classes, given.epochs
    if given.contender:
        print(json.dumps(measure(given.contender, *sizes)))
        return
    results = {}
    for name in CONTENDERS:
        arguments = [f"--{what}={size}" for what, size in zip(("rows", "classes", "epochs"), sizes, strict=True)]
        command = [sys.executable, __file__, f"--contender={name}", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        results[name] = json.loads(ran.stdout.splitlines()[-1])
        print(name, ", ".join(f"{what} {value:.4g}" for what, value in results[name].items()), flush=True)
    save("many_classes", {"rows": given.rows, "classes": given.classes, "epochs": given.epochs, **results})


if __name__ == "__main__":
    main()
