"""Saving and loading without pickle: equal predictions, and errors for values that cannot be saved."""

import enum
import errno
import functools
import os
import pathlib
import sys
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils import Bunch
from skorch.callbacks import EarlyStopping
from torch import nn

import sklearn_mtl.model._state as state_module
from sklearn_mtl import load_model, save_model
from sklearn_mtl.exceptions import ModelFileError, ModelVersionWarning
from sklearn_mtl.files import _atomic
from sklearn_mtl.persistence import _model_file as model_file
from sklearn_mtl.tasks import Regression
from sklearn_mtl.trunks import MLP, ModuleTrunk

from .._helpers import assert_same, assert_same_model, mixed_targets, net
from .cases import CASES, X

Y = mixed_targets(X, missing=0.1)


@functools.cache
def fitted():
    return net(trunk=MLP((6,), scaling="standard", dropout=0.1)).fit(X, Y)


def said(model, rows):
    """Return all predictions of a fitted model for some rows."""
    everything = {"predict": model.predict(rows), "transform": model.transform(rows)}
    return everything | ({"proba": model.predict_proba(rows)} if hasattr(model, "predict_proba") else {})


def through(model, path, **options):
    save_model(model, path)
    return load_model(path, **options)


def functions_of(model):
    """Return the functions and classes among the parameters, which a file names and the caller passes in."""
    params = model.get_params(deep=True).values()
    return [value for value in params if callable(value) and not hasattr(value, "fit")]


@pytest.mark.parametrize("make", CASES.values(), ids=CASES.keys())
def test_round_trip(make, tmp_path):
    model, rows = make()
    loaded = through(model, tmp_path / "model", trusted=functions_of(model))
    assert type(loaded) is type(model)
    assert set(vars(loaded)) == set(vars(model))
    assert str(loaded.get_params()).split(" at 0x")[0] == str(model.get_params()).split(" at 0x")[0]
    if rows is not None:
        assert_same(said(loaded, rows), said(model, rows))
        assert_same_model(loaded, model)
        pd.testing.assert_frame_equal(loaded.history_, model.history_)
        assert loaded.task_names_ == model.task_names_
    # a loaded model is saved to the same bytes
    save_model(loaded, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


def test_refit_and_warm_start_go_on_as_without_a_file(tmp_path):
    model = net(trunk=MLP((6,), dropout=0.2), optimizer="sgd", warm_start=True).fit(X, Y)
    loaded = through(model, tmp_path / "model")
    assert_same_model(loaded.fit(X, Y), model.fit(X, Y))
    assert_same_model(clone(loaded).fit(-X, Y), clone(model).fit(-X, Y))
    assert_same_model(loaded.partial_fit(X, Y), model.partial_fit(X, Y))


def test_loading_shares_nothing_with_another_loading(tmp_path):
    save_model(fitted(), tmp_path / "model")
    load_model(tmp_path / "model").partial_fit(-X, Y)
    assert_same(said(load_model(tmp_path / "model"), X), said(fitted(), X))


def test_loading_neither_reads_nor_writes_the_global_generators(tmp_path):
    save_model(fitted(), tmp_path / "model")
    numbers = np.random.mtrand._rand
    before, numpy_before = torch.get_rng_state(), numbers.get_state()[1].copy()
    load_model(tmp_path / "model")
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(numbers.get_state()[1], numpy_before)


def test_random_state_goes_on_where_it_was(tmp_path):
    model = net(random_state=np.random.RandomState(3)).fit(X, Y)
    loaded = through(model, tmp_path / "model")
    assert_same_model(loaded.fit(X, Y), model.fit(X, Y))


def test_what_scikit_learn_sets_is_kept(tmp_path):
    with config_context(enable_metadata_routing=True):
        model = net().set_fit_request(sample_weight=True).set_output(transform="pandas").fit(X, Y)
        loaded = through(model, tmp_path / "model")
        assert loaded.get_metadata_routing().fit.requests == model.get_metadata_routing().fit.requests
    pd.testing.assert_frame_equal(loaded.transform(X), model.transform(X))


def test_path_may_be_text_and_any_name(tmp_path):
    path = os.path.join(tmp_path, "my model ü.bin")
    assert_same(said(through(fitted(), path), X), said(fitted(), X))
    assert os.listdir(tmp_path) == ["my model ü.bin"]


def test_file_is_a_zip_of_json_and_safetensors(tmp_path):
    save_model(fitted(), tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "model") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "tensors.safetensors", "digest.json"]
        assert b"sklearn_mtl.trunks.MLP" in archive.read("manifest.json")


def test_file_is_about_as_large_as_the_weights(tmp_path):
    wide = net(trunk=MLP((200, 200))).fit(X, X[:, 0])
    save_model(wide, tmp_path / "model")
    n_weights = sum(parameter.numel() for parameter in wide.net_.module_.parameters())
    assert (tmp_path / "model").stat().st_size < 4 * n_weights + 20_000


# -- errors of what cannot be saved


class Unknown:
    __slots__ = ("value",)


class Text(str):
    """A string with attributes, which would be lost if only the attributes were saved."""


class Colour(enum.Enum):
    RED = 1


class Made:
    def __new__(cls, number):
        return object.__new__(cls)

    def __getnewargs__(self):
        return (1,)


def itself():
    values: list = []
    values.append([values])
    return values


def given(value):
    return {"net_params": {"a": value}}


UNSAVABLE = {
    "callbacks": ({"callbacks": [EarlyStopping()]}, r"callbacks\[0\] is a skorch.*callbacks=None"),
    "lambda": (given(lambda x: x), r"net_params\['a'\] is <function.*no importable name"),
    "bound method": (given([].append), r"net_params\['a'\] is <built.*no importable name"),
    "partial": (given(functools.partial(lambda x: x)), r"net_params\['a'\] is <function.*no importable name"),
    "another's name": (
        given(functools.wraps(print)(lambda x: x)),
        r"net_params\['a'\] is <function.*no importable name",
    ),
    "dict with attributes": (given(Bunch(a=1)), r"net_params\['a'\] is a sklearn.*convert it to a dict"),
    "text with attributes": (given(Text("a")), r"net_params\['a'\] is a tests.*convert it to a str"),
    "enumeration": (given(Colour.RED), r"net_params\['a'\] is a tests.*use its value"),
    "made with arguments": (given(Made(1)), r"net_params\['a'\] is a tests.*Made"),
    "keys of NaN": (
        given({float("nan"): 1, np.nan: 2}),
        r"net_params\['a'\] cannot be saved: several of its keys",
    ),
    "module": ({"trunk": ModuleTrunk(nn.Linear(4, 2))}, r"trunk.module is a torch.*a module is not saved"),
    "tensor": (given(torch.ones(2)), r"net_params\['a'\] is a torch.Tensor.*convert it to a numpy array"),
    "object": (given([1, Unknown()]), r"net_params\['a'\]\[1\] is a tests.*Unknown"),
    "generator": ({"random_state": np.random.default_rng(0)}, "random_state is a numpy.random.*Generator"),
    "bits": (
        {"random_state": np.random.RandomState(np.random.PCG64(0))},
        "random_state is a numpy.random.*RandomState.*MT19937",
    ),
    "frame": ({"categorical_features": pd.Series([1])}, "categorical_features is a pandas.*Series"),
    "records": (given(np.zeros(2, "i4,f4")), r"net_params\['a'\] is a numpy.ndarray.*dtype"),
    "itself": (given(itself()), r"net_params\['a'\]\[0\]\[0\].*refers to itself"),
    "stream": (given(sys.stdout), r"net_params\['a'\] is a .*cannot be saved"),
}


@pytest.mark.parametrize(("params", "message"), UNSAVABLE.values(), ids=UNSAVABLE.keys())
def test_what_cannot_be_saved_is_named_before_a_file_is_touched(params, message, tmp_path):
    (tmp_path / "model").write_bytes(b"old")
    with pytest.raises(TypeError, match=message):
        save_model(net(**params), tmp_path / "model")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("model", b"old")]


@pytest.mark.parametrize("name", ["predict", "history_", "_doc_link_template"])
def test_attribute_that_would_not_be_loaded_is_named(name, tmp_path):
    model = clone(fitted())
    vars(model)["__doc_link_template" if name == "_doc_link_template" else name] = 3
    with pytest.raises(TypeError, match=rf"{name} cannot be saved: it hides an attribute of the class Multi"):
        save_model(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_callbacks_of_scikit_learn_are_named(tmp_path):
    from sklearn.callback import ProgressBar

    with pytest.raises(TypeError, match=r"_skl_callbacks\[0\] is a sklearn.*ProgressBar"):
        save_model(net().set_callbacks(ProgressBar()), tmp_path / "model")


def test_fitted_model_without_its_callbacks_is_saved(tmp_path):
    model = net(callbacks=[EarlyStopping(monitor="train_loss")]).fit(X, Y)
    loaded = through(model.set_params(callbacks=None), tmp_path / "model")
    assert_same(said(loaded, X), said(model, X))


@pytest.mark.parametrize("other", [LinearRegression(), {"net": 1}, None, net])
def test_other_things_are_refused(other, tmp_path):
    with pytest.raises(TypeError, match="save_model saves estimators of sklearn_mtl and pipelines, not a"):
        save_model(other, tmp_path / "model")


def test_of_a_search_the_best_estimator_is_saved(tmp_path):
    search = GridSearchCV(net(), {"learning_rate": [1e-3]}, cv=2).fit(X, Y)
    with pytest.raises(TypeError, match="save its best_estimator_"):
        save_model(search, tmp_path / "model")
    assert_same(through(search.best_estimator_, tmp_path / "model").predict(X), search.predict(X))


# -- classes of others


class Settings:
    """A helper of a custom trunk."""

    def __init__(self, factor):
        self.factor = factor


class Scaled(MLP):
    """A custom trunk with a helper and an additional parameter."""

    def __init__(self, hidden_sizes=(4,), dropout=0.0, scaling=None, ranks=False, embedding_size=8, settings=None):
        super().__init__(hidden_sizes, dropout, scaling, ranks, embedding_size)
        self.settings = settings

    def encode(self, X, *, owner):
        return {name: values * self.settings.factor for name, values in super().encode(X, owner=owner).items()}


class Doubled(Regression):
    """A custom task."""

    def decode(self, output):
        return 2 * super().decode(output)


def small_net(in_features):
    return nn.Linear(in_features, 3)


def of_others():
    return net(trunk=Scaled(settings=Settings(3.0)), tasks={"mass": Doubled()}).fit(X, Y)


def test_classes_of_others_are_loaded_if_they_are_trusted(tmp_path):
    model = of_others()
    loaded = through(model, tmp_path / "model", trusted=[Scaled, Settings, Doubled])
    assert_same(said(loaded, X), said(model, X))
    assert loaded.trunk.settings.factor == 3.0


@pytest.mark.parametrize("absent", [Scaled, Settings, Doubled])
def test_classes_of_others_are_named_if_they_are_not_trusted(absent, tmp_path):
    save_model(of_others(), tmp_path / "model")
    trusted = {Scaled, Settings, Doubled} - {absent}
    name = absent.__name__
    with pytest.raises(ModelFileError, match=rf"holds a tests.*{name}.*pass trusted=\[{name}\]"):
        load_model(tmp_path / "model", trusted=trusted)


class WithoutAttributes:
    def __call__(self, x):
        return x


def test_object_without_attributes_comes_back(tmp_path):
    loaded = through(net(net_params={"a": WithoutAttributes()}), tmp_path / "model", trusted=[WithoutAttributes])
    assert type(loaded.net_params["a"]) is WithoutAttributes


def test_what_a_script_defined_is_found_in_the_module_it_is_imported_from(tmp_path, monkeypatch):
    monkeypatch.setattr(Doubled, "__module__", "__main__")
    monkeypatch.setattr(small_net, "__module__", "__main__")
    model = net(trunk=small_net, tasks={"mass": Doubled()}).fit(X, Y)
    save_model(model, tmp_path / "model")
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match=r"pass trusted=\[small_net\]|pass trusted=\[Doubled\]"):
        load_model(tmp_path / "model", trusted=[Scaled])
    assert_same(said(load_model(tmp_path / "model", trusted=[Doubled, small_net]), X), said(model, X))


def test_what_was_imported_is_found_in_a_script(tmp_path, monkeypatch):
    model = net(trunk=small_net).fit(X, Y)
    save_model(model, tmp_path / "model")
    monkeypatch.setattr(small_net, "__module__", "__main__")
    assert_same(said(load_model(tmp_path / "model", trusted=[small_net]), X), said(model, X))


def test_functions_are_loaded_if_they_are_trusted(tmp_path):
    model = net(trunk=small_net).fit(X, Y)
    assert_same(said(through(model, tmp_path / "model", trusted=[small_net]), X), said(model, X))
    with pytest.raises(ModelFileError, match=r"pass trusted=\[small_net\]"):
        load_model(tmp_path / "model")


@pytest.mark.parametrize("trusted", ["tests.MyTrunk", [Scaled, "small_net"], [Scaled()], 3])
def test_trusted_is_checked(trusted, tmp_path):
    save_model(fitted(), tmp_path / "model")
    with pytest.raises(TypeError, match="trusted"):
        load_model(tmp_path / "model", trusted=trusted)


def test_no_constructor_is_called(tmp_path, monkeypatch):
    save_model(fitted(), tmp_path / "model")

    def fail(*args, **kwargs):
        raise AssertionError("a constructor was called")

    monkeypatch.setattr(MLP, "__init__", fail)
    monkeypatch.setattr(state_module, "_defaults", lambda cls: {})
    assert_same(said(load_model(tmp_path / "model"), X), said(fitted(), X))


# -- devices


HAS_ONE = torch.cuda.is_available() or torch.backends.mps.is_available()


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7", torch.device("cuda:1"), "mps"])
@pytest.mark.skipif(HAS_ONE, reason="there is such a device")
def test_model_that_was_on_a_device_that_is_not_here(device, tmp_path):
    model = clone(fitted()).fit(X, Y)
    loaded = through(model.set_params(device=device), tmp_path / "model")
    assert loaded.device_ == torch.device("cpu")
    assert loaded.device == device
    assert_same(said(loaded, X), said(fitted(), X))
    with pytest.raises(ValueError, match="device"):  # a named device is not replaced silently
        loaded.fit(X, Y)
    assert_same_model(loaded.set_params(device="auto").fit(X, Y), fitted())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_model_of_a_gpu_is_used_on_the_cpu(tmp_path, monkeypatch):
    model = net(device="cuda").fit(X, Y)
    save_model(model, tmp_path / "model")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    loaded = load_model(tmp_path / "model")
    assert loaded.device_ == torch.device("cpu")
    np.testing.assert_allclose(loaded.transform(X), model.transform(X), rtol=1e-4, atol=1e-5)
    loaded.set_params(device="auto").fit(X, Y)


# -- other versions


def test_another_version_is_warned_of(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(state_module, "__version__", "0.0.1")
        save_model(fitted(), tmp_path / "model")
    with pytest.warns(ModelVersionWarning, match=r"saved with sklearn_mtl 0\.0\.1, scikit-learn .* loaded with"):
        loaded = load_model(tmp_path / "model")
    assert_same(said(loaded, X), said(fitted(), X))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ModelVersionWarning):  # a warning raised as an error is not a damaged file
            load_model(tmp_path / "model")


def test_newer_layout_of_the_state_is_refused_by_name(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(state_module, "STATE_LAYOUT", 2)
        save_model(fitted(), tmp_path / "model")
    with pytest.raises(ModelFileError, match=r"has layout 2, written by sklearn_mtl .* reads layouts up to 1"):
        load_model(tmp_path / "model")


# -- files


def test_many_threads_load_at_once(tmp_path):
    save_model(fitted(), tmp_path / "model")
    expected = said(fitted(), X)
    with ThreadPoolExecutor(8) as pool:
        for loaded in pool.map(lambda _: load_model(tmp_path / "model"), range(24)):
            assert_same(said(loaded, X), expected)


def test_more_texts_than_there_is_room_for_are_refused(tmp_path, monkeypatch):
    model = net(net_params={"a": [str(number) for number in range(10_000)]})
    save_model(model, tmp_path / "model")
    load_model(tmp_path / "model")
    monkeypatch.setattr(model_file, "_ROOM", 100_000)
    with pytest.raises(ModelFileError, match="would take too much memory"):
        load_model(tmp_path / "model")
    with pytest.raises(ValueError, match="bytes of text, lists and dicts, more than load_model would read"):
        save_model(model, tmp_path / "other")
    assert os.listdir(tmp_path) == ["model"]


def test_long_history_is_saved(tmp_path):
    model = net(max_epochs=300, trunk=MLP((2,))).fit(X[:16], X[:16, 0])
    loaded = through(model, tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.history_, model.history_)
    assert (tmp_path / "model").stat().st_size < 300 * 60 + 8000


def test_absent_file_is_no_bad_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "model")
    with pytest.raises(IsADirectoryError if os.name == "posix" else OSError):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError):
        save_model(fitted(), tmp_path / "absent" / "model")


def test_large_file_is_refused_by_its_size(tmp_path):
    save_model(fitted(), tmp_path / "model")
    size = (tmp_path / "model").stat().st_size
    with pytest.raises(ModelFileError, match=f"has {size} bytes, more than max_bytes={size - 1}"):
        load_model(tmp_path / "model", max_bytes=size - 1)
    load_model(tmp_path / "model", max_bytes=size)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_full_disk_leaves_the_old_model(tmp_path, monkeypatch, step):
    old = net(random_state=1).fit(X, Y)
    save_model(old, tmp_path / "model")

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(_atomic.os, step, full)
        with pytest.raises(OSError, match="No space left on device: model could not be written"):
            save_model(fitted(), tmp_path / "model")
    assert os.listdir(tmp_path) == ["model"]
    assert_same(said(load_model(tmp_path / "model"), X), said(old, X))


def test_what_killed_processes_left_is_removed(tmp_path):
    (tmp_path / ".model.0123.tmp").write_bytes(b"half")
    os.utime(tmp_path / ".model.0123.tmp", (0, 0))
    save_model(fitted(), tmp_path / "model")
    assert os.listdir(tmp_path) == ["model"]


def test_path_parameter_comes_back(tmp_path):
    loaded = through(net(checkpoint=pathlib.Path("folder")), tmp_path / "model")
    assert loaded.checkpoint == pathlib.Path("folder")
