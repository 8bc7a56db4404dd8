"""Parameters of older versions become those of today."""

import pytest

from sklearn_mtl import Checkpoint, DeepEnsemble, EarlyStopping, MultiTaskNetEstimator, Optimizer, Portfolio
from sklearn_mtl.estimator._old_params import current_params
from sklearn_mtl.utils._same import same

OLD = {
    "bootstrap": False, "checkpoint_every": 1, "learning_rate_schedule": "auto", "clip_norm": None,
    "mixed_precision": False, "tol": 0.0, "keep_interrupted": False, "monitor": "loss", "n_iter_no_change": 10,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "name", "expected"),
    [
        ({}, "optimizer", "adamw"),
        ({"clip_norm": 1.0}, "optimizer", Optimizer("adamw", clip_norm=1.0)),
        ({"learning_rate_schedule": "cosine"}, "optimizer", Optimizer("adamw", schedule="cosine")),
        ({"mixed_precision": True}, "optimizer", Optimizer("adamw", mixed_precision=True)),
        ({"bootstrap": True}, "ensemble", DeepEnsemble(bootstrap=True)),
        ({"checkpoint": "folder"}, "checkpoint", "folder"),
        ({"checkpoint": "folder", "checkpoint_every": 5}, "checkpoint", Checkpoint("folder", every=5)),
        ({"checkpoint_every": 5}, "checkpoint", None),
        ({"validation_fraction": 0.3}, "validation", 0.3),
        ({}, "early_stopping", "auto"),
        ({"early_stopping": "per_task"}, "early_stopping", "per_task"),
        ({"monitor": "score"}, "early_stopping", EarlyStopping(monitor="score")),
        (
            {"early_stopping": True, "n_iter_no_change": 5},
            "early_stopping",
            EarlyStopping(True, n_iter_no_change=5),
        ),
    ],
)
def test_parameters_go_into_specs(changed, name, expected):
    state = {**MultiTaskNetEstimator(n_members=1).get_params(deep=False), **OLD, **changed}
    today = current_params(state)
    assert repr(today[name]) == repr(expected)
    assert set(today) == set(MultiTaskNetEstimator(n_members=1).get_params(deep=False))
    assert set(OLD) <= set(state)


def test_the_patience_of_a_recipe_goes_into_its_early_stopping():
    recipes = {
        "patient": {"n_iter_no_change": 20},
        "own": {"n_iter_no_change": 2, "early_stopping": True},
        "none": {},
    }
    state = MultiTaskNetEstimator(ensemble=Portfolio(recipes)).get_params(deep=False)
    today = current_params({**state, "monitor": "score"})["ensemble"].recipes
    assert same(today["patient"], {"early_stopping": EarlyStopping("auto", "score", 20)})
    assert same(today["own"], {"early_stopping": EarlyStopping(True, "score", 2)})
    assert today["none"] == {}
    assert set(recipes["own"]) == {"n_iter_no_change", "early_stopping"}


def test_parameters_of_today_stay():
    state = MultiTaskNetEstimator(n_members=3, optimizer=Optimizer(clip_norm=2.0)).get_params(deep=False)
    assert current_params(state) == state
