"""Send requests to a service on several connections, compare each answer with the model, and print the latencies.

python load_test.py http://127.0.0.1:8000 net.mtl rows.parquet
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from sklearn_mtl import load_model


def load_test(
    url: str, net: Any, rows: pd.DataFrame, *, n_requests: int = 1000, n_connections: int = 8, batch: int = 1
) -> dict[str, Any]:
    """Send requests, each with the next rows of a frame, and compare the answers with the model.

    Parameters
    ----------
    url : str
        Address of the service.
    net : MultiTaskNetEstimator
        The model that it serves, fitted to a frame.
    rows : DataFrame
        Rows to send; after the last one, the first one follows.
    n_requests, n_connections : int
        Requests, and the connections that share them.
    batch : int
        Rows of a request.

    Returns
    -------
    dict
        Counts, seconds, and the percentiles "p50_ms" and "p99_ms" of the latency.
    """
    parts = [rows.iloc[np.arange(i * batch, (i + 1) * batch) % len(rows)] for i in range(n_requests)]
    expected = [net.predict_all(part) for part in parts]
    bodies = [json.dumps({"rows": records(part)}) for part in parts]
    address = urlsplit(url)

    def send(connection_number: int) -> list[tuple[float, bool]]:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        found = []
        for number in range(connection_number, n_requests, n_connections):
            start = time.perf_counter()
            connection.request("POST", "/predict", bodies[number], {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
            seconds = time.perf_counter() - start
            found.append((seconds, response.status == 200 and equals(json.loads(content), expected[number])))
        connection.close()
        return found

    start = time.perf_counter()
    with ThreadPoolExecutor(n_connections) as pool:
        found = [each for of_connection in pool.map(send, range(n_connections)) for each in of_connection]
    seconds = time.perf_counter() - start
    latencies = 1000 * np.array([latency for latency, _ in found])
    return {
        "requests": n_requests,
        "connections": n_connections,
        "rows_of_a_request": batch,
        "wrong": sum(not right for _, right in found),
        "requests_per_second": n_requests / seconds,
        "p50_ms": float(np.percentile(latencies, 50)),
        "p99_ms": float(np.percentile(latencies, 99)),
    }


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as JSON holds them."""
    rows = frame.to_dict("records")
    return [{name: None if pd.isna(value) else value for name, value in row.items()} for row in rows]


def equals(answer: dict[str, Any], expected: Any) -> bool:
    """Return whether an answer has the labels and probabilities of the model, up to rounding."""
    labels, probabilities = expected
    same = [np.array_equal(answer["labels"][n], labels[n]) for n in labels if labels[n].dtype.kind not in "f"]
    near = [np.allclose(answer["labels"][n], labels[n], rtol=1e-6) for n in labels if labels[n].dtype.kind in "f"]
    shares = [np.allclose(answer["probabilities"][n], p, atol=1e-6) for n, p in (probabilities or {}).items()]
    return all([*same, *near, *shares])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("model", help="file of save_model")
    parser.add_argument("rows", type=Path, help="Parquet file with the columns of the model")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--batch", type=int, default=1)
    asked = parser.parse_args()
    model = load_model(asked.model)
    frame = pd.read_parquet(asked.rows)[list(model.feature_names_in_)]
    sizes = {"n_requests": asked.requests, "n_connections": asked.connections, "batch": asked.batch}
    result = load_test(asked.url, model, frame, **sizes)
    print(json.dumps(result, indent=1))
    sys.exit(result["wrong"] > 0)
