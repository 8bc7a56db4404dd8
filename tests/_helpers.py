"""Small data and networks shared by the estimator's tests."""

import numpy as np
import torch

from sklearn_mtl import MultiTaskNetEstimator, Optimizer, Targets
from sklearn_mtl.architectures._heads import Heads
from sklearn_mtl.training import Eligibility, member_of
from sklearn_mtl.trunks import MLP


def inputs(n_rows=80, n_features=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_features))


def column(rows):
    """Return a 1-D array of objects, one for each row."""
    objects = np.empty(len(rows), dtype=object)
    objects[:] = list(rows)
    return objects


def mixed_targets(X, missing=0.0, seed=1):
    """Make a task of every kind from X: text, 0/1, a number, two numbers, a block of labels."""
    rng = np.random.default_rng(seed)
    noisy = X + 0.1 * rng.normal(size=X.shape)
    species = np.array(["ape", "bee", "cat"], dtype=object)[np.digitize(noisy[:, 0], [-0.5, 0.5])]
    sick = (noisy[:, 1] > 0).astype(float)
    mass = 100 + 20 * noisy[:, 2]
    size = np.column_stack([noisy[:, 0] - noisy[:, 1], 3 * noisy[:, 3]])
    tags = (noisy[:, :3] > 0.2).astype(float)
    targets = {"species": species, "sick": sick, "mass": mass, "size": size, "tags": tags}
    for values in targets.values():
        gone = rng.random(values.shape) < missing
        values[gone] = None if values.dtype == object else np.nan
    return Targets(targets)


def net(**params):
    """Make a network that is fitted within milliseconds, without dropout, validation rows and schedule."""
    defaults = {"trunk": MLP(hidden_sizes=(8,), scaling="standard"), "max_epochs": 3, "random_state": 0}
    return MultiTaskNetEstimator(**with_optimizer({**defaults, "early_stopping": False, **params}))


def with_optimizer(params):
    """Put the parameters of `Optimizer` among others into a spec, whose schedule is constant by default."""
    names = ("schedule", "clip_norm", "mixed_precision")
    step = {"schedule": "constant", **{name: params[name] for name in names if name in params}}
    others = {name: value for name, value in params.items() if name not in names}
    optimizer = others.get("optimizer", "adamw")
    return others if isinstance(optimizer, Optimizer) else {**others, "optimizer": Optimizer(optimizer, **step)}


def as_member(estimator, X, y):
    """Prepare a fit as a member of a stack."""
    return member_of(estimator._config(), estimator, X, y)


def why_not_stacked(member):
    """Return why the rows or the network of a member keep it from being stacked; None if they do not."""
    return Eligibility.of_rows(member.blueprint, member.data.train, member.config.batch_size).reason


def weights_of(estimator):
    """Copy the parameters and buffers of the fitted network."""
    return {name: tensor.numpy(force=True).copy() for name, tensor in estimator.net_.module_.state_dict().items()}


def head_of(estimator, task):
    """Copy weight and bias of a task's linear head."""
    return head_in(estimator.net_.module_, task)


def head_in(network, task):
    """Copy weight and bias of a task's linear head in a network."""
    for heads in (module for module in network.modules() if isinstance(module, Heads)):
        for names, product in zip(heads.names, heads.products, strict=True):
            if task in names:
                position = names.index(task)
                rows = slice(product.starts[position], product.starts[position + 1])
                return product.weight[rows].numpy(force=True).copy(), product.bias[rows].numpy(force=True).copy()
    raise AssertionError(f"no linear head of {task!r}")


def assert_same(a, b):
    """Compare predictions of any kind, bit for bit."""
    if isinstance(a, Targets | dict):
        assert list(a) == list(b)
        for name in a:
            assert_same(a[name], b[name])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    elif isinstance(a, np.ndarray) and any(isinstance(entry, list | np.ndarray) for entry in a.flat):
        assert a.shape == b.shape
        assert_same(a.ravel().tolist(), b.ravel().tolist())
    else:
        assert type(a) is type(b)
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b), strict=True)


def assert_same_model(a, b):
    """Compare every parameter of two fitted networks, bit for bit."""
    weights, others = weights_of(a), weights_of(b)
    assert list(weights) == list(others)
    for name, values in weights.items():
        np.testing.assert_array_equal(values, others[name], err_msg=name, strict=True)


def assert_finite(estimator, X):
    """Check that everything an estimator computes for X is finite."""
    for output in estimator._model.outputs(X, estimator.task_names_, estimator._fitted_view()).values():
        assert np.isfinite(output).all()


def cuda_is_there():
    return torch.cuda.is_available()
