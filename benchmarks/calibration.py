"""Does temperature scaling improve the probabilities of the defaults?

The inner splits are those of `ablations.py`. A tenth of the training rows is held out to fit a temperature for
each task (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017); the expected calibration error and
the log loss of the test rows are printed without and with it.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pandas as pd
from _contenders import Predicted, one_net
from _datasets import ROWS
from _harness import save
from _quality_scores import inner_splits, labelled, score
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

DATA = ("adult", "digits", "penguins", "wine")
SEEDS = {"adult": 2, "digits": 4}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(DATA), help="data sets to run")
    parser.add_argument("--members", type=int, default=8, help="n_members")
    options = parser.parse_args()
    records = [record for name in options.only for record in compare(name, options.members)]
    table = pd.DataFrame(records).groupby(["data", "task"]).mean()
    print(table.to_string(float_format=lambda value: f"{value:.4f}"))
    save("calibration", {"n_members": options.members, "records": records})


def compare(name: str, n_members: int) -> list[dict[str, Any]]:
    rows, records = ROWS[name](), []
    for seed, (train, test) in enumerate(inner_splits(rows, SEEDS.get(name, 8))):
        learned, held_out = train_test_split(train, test_size=0.1, random_state=seed)
        predict = one_net(n_members=n_members)(rows.take(learned), seed)
        known, unseen = predict(rows.X.iloc[held_out]), predict(rows.X.iloc[test])
        for task, predicted in unseen.items():
            if predicted.classes is None:
                continue
            temperature = best_temperature(rows.y[task].iloc[held_out].to_numpy(), known[task])
            truth = rows.y[task].iloc[test].to_numpy()
            plain, scaled = score(truth, predicted), score(truth, at(temperature, predicted))
            records.append(
                {"data": name, "task": task, "temperature": temperature}
                | {key: plain[key] for key in ("ece", "log_loss")}
                | {f"{key}, scaled": scaled[key] for key in ("ece", "log_loss")}
            )
    return records


def at(temperature: float, predicted: Predicted) -> Predicted:
    """Divide the logits by the temperature."""
    logits = np.log(np.clip(predicted.values, 1e-30, None))
    return Predicted(softmax(logits / temperature, axis=1), predicted.classes)


def best_temperature(y: np.ndarray, predicted: Predicted) -> float:
    def loss(log_temperature: float) -> float:
        codes, proba = labelled(y, at(np.exp(log_temperature), predicted))
        return log_loss(codes, proba, labels=range(proba.shape[1]))

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x))


if __name__ == "__main__":
    main()
