import numpy as np

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.tasks import BoundingBox, Count, Regression, SequenceTagging, Survival
from sklearn_mtl.trunks import MLP, ConvNet

from .answers import assert_same, assert_same_answers, expected_answers, traced_answers

ROWS = 60
RNG = np.random.default_rng(0)


def test_distributions_quantiles_and_survival():
    X = RNG.normal(size=(ROWS, 2))
    number, sides = np.exp(RNG.normal(size=ROWS)), RNG.normal(size=(ROWS, 2))
    time = np.column_stack([np.ceil(10 * RNG.random(ROWS)), RNG.random(ROWS) < 0.7])
    types = {
        "normal": Regression("normal"),
        "lognormal": Regression("lognormal"),
        "mixture": Regression("mixture", n_components=2),
        "quantiles": Regression("quantile", quantile=[0.1, 0.5, 0.9]),
        "visits": Count("negative_binomial"),
        "cox": Survival(),
        "steps": Survival("discrete_time", n_intervals=3),
    }
    numbers = {"normal": sides, "lognormal": number, "mixture": number, "quantiles": sides}
    y = {**numbers, "visits": RNG.poisson(3, ROWS), "cox": time, "steps": time}
    net = MultiTaskNetEstimator(types, trunk=MLP((4,), scaling="standard"), max_epochs=3, random_state=0)
    assert_same_answers(net.set_params(n_members=1).fit(X, y), X + 0.1)
    ensemble = net.set_params(n_members=2).fit(X, y)
    assert_same(ensemble, traced_answers(ensemble, X + 0.1), expected_answers(ensemble, X + 0.1))


def test_pixels_boxes_and_columns_of_images():
    X = RNG.integers(256, size=(ROWS, 8, 6), dtype=np.uint8)
    low = RNG.integers(4, size=(ROWS, 2))
    y = {
        "mask": (X > 100).astype(int) + (X > 200),
        "box": np.hstack([low, low + RNG.integers(1, 4, size=(ROWS, 2))]),
        "columns": RNG.integers(2, size=(ROWS, 3)) == 1,
        "sold": RNG.choice(["no", "yes"], ROWS),
        "price": 1e6 + 10 * RNG.normal(size=ROWS),
    }
    types = {"box": BoundingBox(), "columns": SequenceTagging()}
    net = MultiTaskNetEstimator(types, trunk=ConvNet((2, 4), hidden_size=4), max_epochs=1, random_state=0)
    assert_same_answers(net.set_params(n_members=1).fit(X, y), X[:9])
    ensemble = net.set_params(n_members=2).fit(X, y)
    assert_same(ensemble, traced_answers(ensemble, X[:9]), expected_answers(ensemble, X[:9]))
