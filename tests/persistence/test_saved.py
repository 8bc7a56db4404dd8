"""Models saved with each layout of the state and of the file still load."""

import json
import pickle

import numpy as np
import pytest

from sklearn_mtl import load_model, save_model
from sklearn_mtl.model._state import MIGRATIONS, STATE_LAYOUT

from .._helpers import assert_same_model
from .make_saved import FOLDER, NAME, said, table

KEPT = sorted(path for path in FOLDER.iterdir() if path.suffix in (".mtl", ".pickle"))
# they are of the versions that wrote them
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_mtl.exceptions.ModelVersionWarning")


def load(path):
    return load_model(path) if path.suffix == ".mtl" else pickle.loads(path.read_bytes())


def assert_close(one, other):
    assert list(one) == list(other)
    for name, values in one.items():
        if name in ("sign", "tags"):
            assert values == other[name]
        else:
            np.testing.assert_allclose(values, other[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_kept_model_predicts_what_it_did(path):
    loaded = load(path)
    assert_close(said(loaded), json.loads(path.with_suffix(".json").read_text()))
    assert loaded.score_tasks(table(), fit_targets())["sign"] > 0.9
    assert len(loaded.history_) == 5


def fit_targets():
    X = table()
    return {
        "sign": np.where(X["a"] > 0, "plus", "minus"),
        "size": np.column_stack([X["b"], X["a"]]),
        "rank": np.arange(24) % 3,
        "tags": np.array([{"high"} if b > 2 else {"low", "flat"} for b in X["b"]], dtype=object),
    }


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_kept_model_is_fitted_and_saved_again(path, tmp_path):
    loaded = load(path)
    loaded.partial_fit(table(), fit_targets())
    assert loaded.n_iter_ == 6
    save_model(loaded, tmp_path / "model")
    assert_same_model(load_model(tmp_path / "model"), loaded)


def test_todays_layout_is_kept():
    assert {path.name for path in KEPT} >= {f"{NAME}.mtl", f"{NAME}.pickle"}
    assert set(MIGRATIONS) == set(range(1, STATE_LAYOUT))
