"""Any mix of tasks, with any labels missing."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sklearn_mtl import Targets
from sklearn_mtl.tasks import Classification, MultilabelClassification
from sklearn_mtl.trunks import MLP

from .._helpers import net

SPECS = {
    "text": lambda rows, rng: rng.choice(np.array(["x", "y", "z"], dtype=object), size=rows),
    "integers": lambda rows, rng: rng.integers(3, 6, size=rows).astype(object),
    "number": lambda rows, rng: rng.normal(5, 100, size=rows),
    "numbers": lambda rows, rng: rng.normal(size=(rows, 2)),
    "block": lambda rows, rng: rng.integers(0, 2, size=(rows, 3)).astype(float),
}


@st.composite
def task_mixes(draw):
    kinds = draw(st.lists(st.sampled_from(sorted(SPECS)), min_size=1, max_size=4))
    rows = draw(st.integers(6, 30))
    seed = draw(st.integers(0, 2**16))
    missing = draw(st.sampled_from([0.0, 0.3, 0.8]))
    rng = np.random.default_rng(seed)
    y = {}
    for number, kind in enumerate(kinds):
        values = SPECS[kind](rows, rng)
        gone = rng.random(values.shape) < missing
        gone[:2] = False  # two different labels stay, so that there is something to learn
        values[:2] = [["x", "y"], [3, 4], [0.5, 1.5], [[0.5, 1.5], [2.5, 3.5]], [[0] * 3, [1] * 3]][
            ["text", "integers", "number", "numbers", "block"].index(kind)
        ]
        values[gone] = None if values.dtype == object else np.nan
        y[f"{kind} {number}"] = values
    return Targets(y), rng.normal(size=(rows, 3)), missing


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(task_mixes())
def test_any_mix_of_tasks_and_gaps(mix):
    y, rows, _ = mix
    estimator = net(max_epochs=2, trunk=MLP((4,)), batch_size=5).fit(rows, y)
    predictions = estimator.predict(rows)
    assert list(predictions) == list(y)
    for name, task in estimator.tasks_.items():
        assert predictions[name].shape == y[name].shape
        if isinstance(task, Classification):
            assert set(predictions[name].tolist()) <= set(task.classes_.tolist())
        elif isinstance(task, MultilabelClassification):
            assert set(predictions[name].ravel().tolist()) <= {0, 1}
        else:
            assert np.isfinite(predictions[name]).all()
    if hasattr(estimator, "predict_proba"):
        for proba in estimator.predict_proba(rows).values():
            assert ((proba >= 0) & (proba <= 1)).all()
    assert np.isfinite(estimator.score(rows, y))
    losses = estimator.history_.filter(like="train_loss").to_numpy(dtype=float)
    assert np.isfinite(losses).all()
