"""What predictors say of rows."""

import numpy as np
import pytest

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.uncertainty._methods import scorers_of
from sklearn_mtl.uncertainty._said import Asked, said_by
from sklearn_mtl.uncertainty._sources import source_of

from .test_task_types import TASKS, X, Y


@pytest.mark.parametrize("params", [{"n_members": 1}, {"n_members": 3}, {}], ids=["one", "ensemble", "portfolio"])
def test_what_is_computed_once_equals_the_predictions(params):
    specs = {name: task for name, (_, task) in TASKS.items()}
    fitted = MultiTaskNetEstimator(tasks=specs, max_epochs=2, random_state=0, **params).fit(X[:80], Y[:80])
    fitted = fitted.with_task("truth", fitted.task_view("truth"))
    source = source_of(fitted, None, None)
    asked = {
        name: Asked(scorer.fields[scorer.method], scorer.task, (0.05, 0.95))
        for name, scorer in scorers_of(fitted.tasks_, "auto", None, source).items()
    }
    found, expected = source.at(X[80:], asked)(0), said_by(fitted, X[80:], asked)
    for name in TASKS:
        for field in asked[name].fields:
            one, other = getattr(found[name], field), getattr(expected[name], field)
            assert one.dtype == np.float64
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=f"{name}, {field}")
