"""Predict time: one row compared with scikit-learn's MLP, many rows with a plain forward pass and validation.

``--sets`` times `ConformalMultiTask.predict_set` beside ``predict``.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import torch
from _harness import run_in_turn, save, table
from sklearn.neural_network import MLPClassifier
from sklearn.utils import check_array

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, Targets
from sklearn_mtl.trunks import MLP
from sklearn_mtl.uncertainty import ConformalMultiTask

HIDDEN = (128, 128)
CALLS = 200
CHUNK = 2048


def rows_and_targets(n_rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, 64))
    return X, (X[:, 0] + X[:, 1] > 0).astype(int), X[:, 2] * X[:, 3]


def one_row(rounds: int) -> list[dict]:
    X, label, number = rows_and_targets(2000)
    params = {"trunk": MLP(hidden_sizes=HIDDEN), "max_epochs": 2, "device": "cpu"}
    one_task = MultiTaskNetClassifier(**params).fit(X, label)
    two_tasks = MultiTaskNetEstimator(**params).fit(X, Targets(label=label, number=number))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence is not required
        peer = MLPClassifier(hidden_layer_sizes=HIDDEN, max_iter=2).fit(X, label)
    row = X[:1]
    contenders = {
        "sklearn_mtl, one task": one_task,
        "sklearn_mtl, a class and a number": two_tasks,
        "scikit-learn MLPClassifier": peer,
    }
    timed = {name: lambda e=e: [e.predict(row) for _ in range(CALLS)] for name, e in contenders.items()}
    seconds = {name: [s / CALLS for s in values] for name, values in run_in_turn(timed, rounds).items()}
    return table("predict, one row", seconds, unit=1e-6)


def many_rows(rounds: int, n_rows: int = 100_000) -> list[dict]:
    X, label, number = rows_and_targets(n_rows)
    estimator = MultiTaskNetEstimator(trunk=MLP(hidden_sizes=HIDDEN), max_epochs=1, batch_size=1024, device="cpu")
    estimator.fit(X[:5000], Targets(label=label[:5000], number=number[:5000]))
    network = estimator.net_.module_

    def bare_forward() -> None:
        checked = torch.from_numpy(check_array(X, dtype=np.float32))
        with torch.inference_mode():
            parts = [network({"numeric": part}, ["label", "number"]) for part in checked.split(CHUNK)]
            torch.cat([part["label"] for part in parts])
            torch.cat([part["number"] for part in parts])

    contenders = {
        "sklearn_mtl predict": lambda: estimator.predict(X),
        "validation and bare forward by chunks": bare_forward,
    }
    return table(f"predict, {n_rows} rows x 64", run_in_turn(contenders, rounds))


def conformal_sets(rounds: int, n_rows: int = 2000) -> list[dict]:
    """Time the sets of two numbers and a class, calibrated by as many rows, beside predictions."""
    X, label, number = rows_and_targets(3 * n_rows)
    y, rows = Targets(label=label, number=number, other=number**2), []
    learned, calibration, new = (slice(start * n_rows, (start + 1) * n_rows) for start in range(3))
    nets = {"default": {}, "4 networks": {"n_members": 4}, "1 network": {"n_members": 1}}
    for name, params in nets.items():
        net = MultiTaskNetEstimator(max_epochs=2, device="cpu", random_state=0, **params).fit(
            X[learned], y[learned]
        )
        sets = ConformalMultiTask(net).conformalize(X[calibration], y[calibration])
        for count, calls in ((n_rows, 1), (1, 20)):
            timed = _timed(net, sets, X[new][:count], calls)
            seconds = {key: [s / calls for s in each] for key, each in run_in_turn(timed, rounds).items()}
            rows += [{"net": name, "rows": count, **row} for row in table(f"{name}, {count} rows", seconds)]
    return rows


def _timed(net: MultiTaskNetEstimator, sets: ConformalMultiTask, X: np.ndarray, calls: int) -> dict:
    return {
        "predict_set": lambda: [sets.predict_set(X) for _ in range(calls)],
        "predict": lambda: [net.predict(X) for _ in range(calls)],
        "predict, predict_proba": lambda: [(net.predict(X), net.predict_proba(X)) for _ in range(calls)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sets", action="store_true", help="time conformal sets, and nothing else")
    options = parser.parse_args()
    rounds = options.rounds
    if options.sets:
        save("predict_set_speed", {"rounds": rounds, "sets": conformal_sets(rounds)})
        return
    save("predict_speed", {"one_row": one_row(rounds), "many_rows": many_rows(rounds)})


if __name__ == "__main__":
    main()
