"""The device of a network; the choice among GPUs is tested without one."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_mtl import Targets
from sklearn_mtl.data import _dataset
from sklearn_mtl.training import _learn
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model, cuda_is_there, inputs, mixed_targets, net

X = inputs(40)
Y = mixed_targets(X)
needs_gpu = pytest.mark.skipif(not cuda_is_there(), reason="needs a CUDA device")
CPU_ONLY = not cuda_is_there() and not torch.backends.mps.is_available()


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")], ids=["text", "torch.device"])
def test_device_by_name(device):
    estimator = net(device=device).fit(X, Y)
    assert estimator.device_ == torch.device("cpu")
    assert estimator.device is device
    assert {parameter.device.type for parameter in estimator.net_.module_.parameters()} == {"cpu"}


def test_automatic_device_is_never_written_back():
    estimator = net(device="auto").fit(X, Y)
    assert isinstance(estimator.device_, torch.device)
    assert estimator.device == "auto"
    assert clone(estimator).device == "auto"
    assert pickle.loads(pickle.dumps(estimator)).device == "auto"
    estimator.predict(X)
    estimator.partial_fit(X, Y)
    assert estimator.device == "auto"


@pytest.mark.skipif(not CPU_ONLY, reason="has a GPU")
def test_automatic_device_without_a_gpu_is_the_cpu():
    assert net(device="auto").fit(X, Y).device_ == torch.device("cpu")


@pytest.mark.skipif(not CPU_ONLY, reason="has a GPU")
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7", "mps", torch.device("cuda:1")], ids=str)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_absent_device_is_refused_with_a_list(device, method):
    with pytest.raises(ValueError, match=rf"device='{device}' is not available here.*\['cpu'\]"):
        getattr(net(device=device), method)(X, Y)


def test_list_of_devices_names_every_gpu(monkeypatch):
    pretend_gpus(monkeypatch, 3)
    with pytest.raises(ValueError, match=r"device='cuda:3'.*\['cpu', 'cuda:0', 'cuda:1', 'cuda:2'\]"):
        net(device="cuda:3").fit(X, Y)


class AskedFor(Exception):
    """Carries the chosen device out of a fit."""


def pretend_gpus(monkeypatch, count, worker="MainProcess"):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr("sklearn_mtl.utils._device.current_process", lambda: type("Process", (), {"name": worker}))


def chosen_device(monkeypatch, device):
    """Fit up to the point where the network would be moved; return the chosen device."""

    def stop(*args, device, **kwargs):
        raise AskedFor(device)

    monkeypatch.setattr(_learn, "encode_rows", stop)
    with pytest.raises(AskedFor) as caught:
        net(device=device).fit(X, Y)
    return str(caught.value.args[0])


@pytest.mark.parametrize(
    ("count", "worker", "device", "chosen"),
    [
        (1, "MainProcess", "auto", "cuda:0"),
        (1, "LokyProcess-7", "auto", "cuda:0"),
        (2, "MainProcess", "auto", "cuda:0"),
        (2, "LokyProcess-1", "auto", "cuda:0"),
        (2, "LokyProcess-2", "auto", "cuda:1"),
        (2, "LokyProcess-3", "auto", "cuda:0"),
        (2, "LokyProcess-2", "cuda:0", "cuda:0"),
        (2, "LokyProcess-2", "cpu", "cpu"),
        (4, "LokyProcess-3", "auto", "cuda:2"),
        (3, "MainProcess", "cuda", "cuda:0"),
        (3, "MainProcess", "cuda:2", "cuda:2"),
    ],
)
def test_choice_of_a_gpu(monkeypatch, count, worker, device, chosen):
    pretend_gpus(monkeypatch, count, worker)
    assert chosen_device(monkeypatch, device) == chosen


def test_mixed_precision_does_nothing_on_the_cpu():
    assert_same_model(net(mixed_precision=True, device="cpu").fit(X, Y), net(device="cpu").fit(X, Y))


# -- with a GPU


@pytest.mark.gpu
@needs_gpu
def test_gpu_learns_what_the_cpu_learns():
    exact = {"dtype": "float64", "max_epochs": 5}
    on_gpu, on_cpu = net(device="cuda", **exact).fit(X, Y), net(device="cpu", **exact).fit(X, Y)
    assert on_gpu.device_ == torch.device("cuda", 0)
    for name in ("mass", "size"):
        np.testing.assert_allclose(on_gpu.predict(X)[name], on_cpu.predict(X)[name], rtol=1e-7)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize(
    "params",
    [
        {"trunk": MLP((8,), dropout=0.3)},
        {"early_stopping": True},
        {"mixed_precision": True},
        {"clip_norm": 0.1, "schedule": "cosine"},
        {"optimizer": "sgd"},
    ],
    ids=str,
)
def test_fit_on_gpu_is_reproducible(params):
    one, other = (net(device="cuda", **params).fit(X, mixed_targets(X, missing=0.2)) for _ in range(2))
    assert_same_model(one, other)
    assert np.isfinite(one.score(X, Y))


@pytest.mark.gpu
@needs_gpu
def test_rows_that_do_not_fit_on_a_gpu_are_copied_by_batch(monkeypatch):
    kept = net(device="cuda", dtype="float64").fit(X, mixed_targets(X, missing=0.2))
    monkeypatch.setattr(_dataset, "_fits", lambda *_: False)
    copied = net(device="cuda", dtype="float64").fit(X, mixed_targets(X, missing=0.2))
    assert_same_model(kept, copied)


@pytest.mark.gpu
@needs_gpu
def test_predictions_of_a_gpu_are_arrays_of_the_cpu():
    estimator = net(device="auto").fit(X, Y)
    assert estimator.device_.type == "cuda"
    assert isinstance(estimator.predict(X), Targets)
    assert estimator.transform(X).shape == (40, 8)


@pytest.mark.gpu
@needs_gpu
def test_model_of_a_gpu_is_loaded_without_one(monkeypatch):
    estimator = net(device="cuda").fit(X, Y)
    said = estimator.predict(X)
    pickled = pickle.dumps(estimator)
    assert b"cuda:0" not in pickled
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    loaded = pickle.loads(pickled)
    assert loaded.device_ == torch.device("cpu")
    np.testing.assert_allclose(loaded.predict(X)["mass"], said["mass"], rtol=1e-4)
    loaded.set_params(device="cpu").fit(X, Y)


@pytest.mark.gpu
@needs_gpu
def test_partial_fit_goes_on_on_a_gpu():
    estimator = net(device="cuda").partial_fit(X, Y)
    estimator.partial_fit(X, Y)
    assert estimator.n_iter_ == 2
    assert_same(estimator.predict(X), pickle.loads(pickle.dumps(estimator)).predict(X))


@pytest.mark.gpu
@needs_gpu
@pytest.mark.slow
def test_search_on_a_gpu():
    search = GridSearchCV(net(device="cuda"), {"task_weights__mass": [0.5, 1.0]}, cv=2, n_jobs=2).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
