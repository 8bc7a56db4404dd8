"""What a file says of its model, without building it."""

import json

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import Portfolio, load_model, save_model
from sklearn_mtl.exceptions import ModelFileError
from sklearn_mtl.persistence import model_info
from tests._helpers import mixed_targets, net
from tests.persistence.cases import OTHERS
from tests.serving._model import FITTED, X, targets


def info_of(model, folder):
    save_model(model, folder / "net.mtl")
    return model_info(folder / "net.mtl")


def test_facts_are_those_of_the_model(tmp_path):
    info = info_of(FITTED, tmp_path)
    assert info["bytes"] == (tmp_path / "net.mtl").stat().st_size
    assert info["columns"] == [
        {"name": "area (m2)", "kind": "number"},
        {"name": "city", "kind": "category", "n_categories": 2},
        {"name": "code", "kind": "category", "n_categories": 3},
    ]
    assert info["tasks"]["sold"] == {"type": "Classification", "classes": ["no", "yes"], "auxiliary": False}
    (network,) = info["networks"]
    assert network["parameters"] == sum(t.numel() for t in FITTED.net_.module_.state_dict().values())
    history = FITTED.history_
    best = history.loc[history["valid_loss"].idxmin()]
    assert network["validation"]["score"] == {
        "price": best["valid_score__price"],
        "sold": best["valid_score__sold"],
    }
    assert network["epochs"] == FITTED.n_iter_
    assert info["versions"] == FITTED.__getstate__()["_state"]["versions"]


def test_the_recipes_of_a_portfolio(tmp_path):
    recipes = {"one": {}, "two": {"architecture": "independent"}}
    model = net(ensemble=Portfolio(recipes), early_stopping=True, n_members=2).fit(X, targets(X))
    info = info_of(model, tmp_path)
    assert [each["recipe"] for each in info["networks"]] == ["one", "two"]
    assert [each["members"] for each in info["networks"]] == [2, 2]
    weights = {task: {each["recipe"]: each["weights"][task] for each in info["networks"]} for task in model.tasks_}
    assert weights == model.recipe_weights_


def test_columns_behind_other_steps_are_not_those_of_x(tmp_path):
    rows = np.random.default_rng(0).normal(size=(40, 4))
    pipeline = make_pipeline(StandardScaler(), net()).fit(rows, mixed_targets(rows))
    info = info_of(pipeline, tmp_path)
    assert (info["estimator"], info["steps"], info["columns"]) == ("Pipeline", ["MultiTaskNetEstimator"], [])
    assert set(info["tasks"]) == set(pipeline[-1].tasks_)


@pytest.mark.parametrize("name", ["vectors", "structured", "ensemble", "added tasks", "unfitted", "float64"])
def test_other_models_have_facts_that_json_holds(tmp_path, name):
    model = OTHERS[name]().model
    info = info_of(model, tmp_path)
    assert json.loads(json.dumps(info, allow_nan=False)) == info
    assert list(info["tasks"]) == list(getattr(model, "tasks_", {}))
    assert len(info["columns"]) == getattr(model, "n_features_in_", 0)


def test_bad_files_raise_one_kind_of_error(tmp_path):
    save_model(FITTED, tmp_path / "net.mtl")
    content = bytearray((tmp_path / "net.mtl").read_bytes())
    content[2000] ^= 1
    (tmp_path / "net.mtl").write_bytes(content)
    for read in (model_info, load_model):
        with pytest.raises(ModelFileError, match=r"net\.mtl cannot be loaded"):
            read(tmp_path / "net.mtl")
    with pytest.raises(ModelFileError, match="max_bytes=10"):
        model_info(tmp_path / "net.mtl", max_bytes=10)
    with pytest.raises(FileNotFoundError):
        model_info(tmp_path / "other.mtl")
