"""The example's load test against a service on loopback: every answer is right, on several connections."""

import importlib.util
import threading
import time
from pathlib import Path

import pytest

from tests.serving._model import FITTED, table

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("fastapi")
from sklearn_mtl.serving import make_app  # noqa: E402

EXAMPLE = Path(__file__).parents[2] / "examples" / "service" / "load_test.py"


@pytest.fixture(scope="module")
def url():
    config = uvicorn.Config(make_app(FITTED), host="127.0.0.1", port=0, log_level="critical", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < until
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture(scope="module")
def load_test():
    spec = importlib.util.spec_from_file_location("load_test", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load_test


def test_no_answer_is_wrong(url, load_test):
    found = load_test(url, FITTED, table(seed=2), n_requests=64, n_connections=8, batch=3)
    assert found["wrong"] == 0
    assert 0 < found["p50_ms"] <= found["p99_ms"]


def test_wrong_answers_are_counted(url, load_test):
    class Other:
        def predict_all(self, X):
            labels, probabilities = FITTED.predict_all(X)
            return labels.assign(price=labels["price"] + 1), probabilities

    assert load_test(url, Other(), table(seed=2), n_requests=8)["wrong"] == 8
