"""Scores of the defaults, compared with scikit-learn's models for single targets.

Each data set is split into training and test rows several times. ``--only`` and ``--contenders`` run a part;
results are stored by data set and contender, and ``--report`` prints tables of all stored results.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from _contenders import OURS, PEERS, TABULAR, Contender
from _datasets import ROWS, Rows
from _harness import RESULTS, environment
from _quality_report import report
from _quality_scores import score, splits
from sklearn.exceptions import ConvergenceWarning

from sklearn_mtl.exceptions import SingleClassWarning

CONTENDERS = PEERS | TABULAR | OURS
FOLDER = RESULTS / "quality"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS), help="data sets to run")
    parser.add_argument("--contenders", nargs="*", choices=CONTENDERS, default=list(PEERS | OURS))
    parser.add_argument("--report", action="store_true", help="print what was kept, run nothing")
    options = parser.parse_args()
    if not options.report:
        warnings.simplefilter("ignore", ConvergenceWarning)  # the defaults are compared as they are
        warnings.simplefilter("ignore", SingleClassWarning)
        for name in options.only:
            for contender in options.contenders:
                run(name, contender)
    report(FOLDER)


def run(name: str, contender: str) -> None:
    """Fit one contender to all splits of a data set, and store its scores."""
    rows = ROWS[name]()
    records = list(_records(rows, CONTENDERS[contender]))
    mean = np.mean([record["score"] for record in records])
    seconds = np.median([record["fit_s"] for record in records])
    print(f"{name:20s}{contender:26s}{mean:10.4f}{seconds:10.2f} s", flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept[contender] = {"environment": environment(), "records": records}
    path.write_text(json.dumps(kept, indent=1) + "\n")


def _records(rows: Rows, contender: Contender) -> Iterator[dict[str, Any]]:
    for split, (train, test) in enumerate(splits(rows)):
        start = time.perf_counter()
        predict = contender(rows.take(train), split)
        fitted = time.perf_counter()
        predictions = predict(rows.X.iloc[test])
        done = time.perf_counter()
        for task, predicted in predictions.items():
            scores = score(rows.y[task].iloc[test].to_numpy(), predicted)
            rounded = {key: round(float(value), 5) for key, value in scores.items()}
            times = {"fit_s": round(fitted - start, 4), "predict_s": round(done - fitted, 4)}
            yield {"split": split, "task": task, **rounded, **times}


if __name__ == "__main__":
    main()
