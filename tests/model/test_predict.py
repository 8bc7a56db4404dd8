import threading

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator

from sklearn_mtl.architectures import HardSharing
from sklearn_mtl.model import _predict
from sklearn_mtl.model._predict import predict_outputs, predict_representation
from sklearn_mtl.tasks import Classification, Regression
from sklearn_mtl.trunks import MLP
from sklearn_mtl.utils._random import Streams

ROWS = 23
CPU = torch.device("cpu")
X = np.random.default_rng(0).normal(size=(ROWS, 3))
TASKS = {"a": Regression().fit(X[:, :2]), "b": Classification().fit(np.arange(ROWS) % 3)}


def network_of(X):
    """Build a network with dropout for two tasks; give it with the encoded inputs."""
    owner = BaseEstimator()
    trunk = MLP(hidden_sizes=(8,), dropout=0.5).fit(X, owner=owner)
    network = HardSharing().build(trunk, TASKS, Streams(0)).eval()
    return network, trunk.encode(X, owner=owner)


@pytest.fixture(params=["dense", "sparse"])
def case(request):
    network, inputs = network_of(X)
    if request.param == "sparse":
        owner = BaseEstimator()
        inputs = MLP().fit(csr_matrix(X), owner=owner).encode(csr_matrix(X), owner=owner)
    return network, inputs


@pytest.mark.parametrize("chunk", [1, 5, ROWS - 1, ROWS, ROWS + 1])
@pytest.mark.parametrize("rows", [None, torch.tensor([3, 3, 22, 0, 7, 8, 9])])
def test_by_chunks_equals_at_once(case, monkeypatch, chunk, rows):
    network, inputs = case
    whole = network({name: values[slice(None)] for name, values in inputs.items()}, ["a", "b"])
    monkeypatch.setattr(_predict, "CHUNK", chunk)
    outputs = predict_outputs(network, inputs, TASKS, CPU, rows)
    assert set(outputs) == {"a", "b"}
    for name, output in outputs.items():
        torch.testing.assert_close(output, (whole[name] if rows is None else whole[name][rows]).detach())


@pytest.mark.parametrize("chunk", [5, 100])
def test_representation_by_chunks_equals_at_once(case, monkeypatch, chunk):
    network, inputs = case
    whole = network.represent({name: values[slice(None)] for name, values in inputs.items()}).sample
    monkeypatch.setattr(_predict, "CHUNK", chunk)
    torch.testing.assert_close(predict_representation(network, inputs, CPU), whole.detach())


def test_only_the_wanted_tasks_are_computed(case):
    network, inputs = case
    assert list(predict_outputs(network, inputs, {"b": TASKS["b"]}, CPU)) == ["b"]


def test_outputs_know_no_gradient_and_the_network_stays_as_it_was(case):
    network, inputs = case
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    outputs = predict_outputs(network, inputs, TASKS, CPU)
    assert not any(output.requires_grad for output in outputs.values())
    assert not network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_outputs_become_numpy_arrays(case):
    network, inputs = case
    for output in predict_outputs(network, inputs, TASKS, CPU).values():
        assert output.numpy().dtype == np.float32


def test_many_threads_get_what_one_gets(case, monkeypatch):
    network, inputs = case
    monkeypatch.setattr(_predict, "CHUNK", 4)
    expected = predict_outputs(network, inputs, TASKS, CPU)
    results = {}

    def predict(number):
        results[number] = [predict_outputs(network, inputs, TASKS, CPU) for _ in range(10)]

    threads = [threading.Thread(target=predict, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for outputs in (outputs for several in results.values() for outputs in several):
        assert all(torch.equal(outputs[name], expected[name]) for name in expected)
