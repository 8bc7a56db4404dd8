"""The command "serve" answers on loopback and says where."""

import json
import os
import re
import signal
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest

from sklearn_mtl import save_model
from tests.serving._model import FITTED, ROW

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")


def test_serves_a_saved_model(tmp_path):
    save_model(FITTED, tmp_path / "net.mtl")
    command = [sys.executable, "-m", "sklearn_mtl", "serve", str(tmp_path / "net.mtl"), "--port", "0"]
    server = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    try:
        lines = iter(server.stderr.readline, "")
        url = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        request = Request(
            f"{url}/predict", json.dumps({"rows": [ROW]}).encode(), {"Content-Type": "application/json"}
        )
        with urlopen(request, timeout=60) as response:
            answer = json.load(response)
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)
    assert set(answer["labels"]) == {"price", "sold"}
