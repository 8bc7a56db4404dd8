"""Serving: latency of a service on loopback, as 8 connections see it, and whether each of 1,000 answers is right.

The service runs in a process of its own, by ``python -m sklearn_mtl serve``. The client is the load test of
``examples/service``.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _datasets import official_adult
from _harness import save

from sklearn_mtl import MultiTaskNetEstimator, save_model

LOAD_TEST = Path(__file__).parents[1] / "examples" / "service" / "load_test.py"
# Rows of adult; quality is not measured here.
FITTED_ROWS, SENT_ROWS = 4000, 2000


def measured(net: MultiTaskNetEstimator, rows: Any, batch: int) -> dict[str, Any]:
    """Serve a model, and run the load test against it."""
    with tempfile.TemporaryDirectory() as folder:
        model, file = Path(folder) / "net.mtl", Path(folder) / "rows.parquet"
        save_model(net, model)
        rows.to_parquet(file)
        command = [sys.executable, "-m", "sklearn_mtl", "serve", str(model), "--port", "0"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            try:
                lines = iter(server.stderr.readline, "")
                url = next(found[0] for line in lines if (found := re.search(r"http://[\d.]+:\d+", line)))
                client = [sys.executable, str(LOAD_TEST), url, str(model), str(file), "--batch", str(batch)]
                done = subprocess.run(client, capture_output=True, text=True, check=True, timeout=300)
            finally:
                server.terminate()
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    X, y, test, _ = official_adult()
    X, y, test = X[:FITTED_ROWS], y[:FITTED_ROWS], test[:SENT_ROWS]
    params = {"max_epochs": 2, "device": "cpu", "random_state": 0}
    models = {
        "adult, one network": MultiTaskNetEstimator(n_members=1, **params).fit(X, y),
        "adult, portfolio": MultiTaskNetEstimator(**params).fit(X, y),
    }
    results = {}
    for name, net in models.items():
        for batch in (1, 100):
            results[f"{name}, {batch} rows"] = found = measured(net, test, batch)
            print(f"{name}, {batch} rows:", {k: round(v, 2) for k, v in found.items()})
    save("serving", results)
