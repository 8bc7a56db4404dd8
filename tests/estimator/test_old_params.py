"""Parameters of older versions become those of today."""

import pytest

from sklearn_mtl import Checkpoint, DeepEnsemble, MultiTaskNetEstimator, Optimizer
from sklearn_mtl.estimator._old_params import current_params

OLD = {
    "bootstrap": False, "checkpoint_every": 1, "learning_rate_schedule": "auto", "clip_norm": None,
    "mixed_precision": False, "tol": 0.0, "keep_interrupted": False,
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
    ],
)
def test_parameters_go_into_specs(changed, name, expected):
    state = {**MultiTaskNetEstimator(n_members=1).get_params(deep=False), **OLD, **changed}
    today = current_params(state)
    assert repr(today[name]) == repr(expected)
    assert set(today) == set(MultiTaskNetEstimator(n_members=1).get_params(deep=False))
    assert set(OLD) <= set(state)


def test_parameters_of_today_stay():
    state = MultiTaskNetEstimator(n_members=3, optimizer=Optimizer(clip_norm=2.0)).get_params(deep=False)
    assert current_params(state) == state
