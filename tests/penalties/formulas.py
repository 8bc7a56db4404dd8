"""Penalties as formulas written with numpy."""

import numpy as np
import pytest

from sklearn_mtl.penalties import GroupLasso, Orthogonality, TraceNorm


def below_each_other(weights):
    return np.concatenate([w.numpy() for w in weights.values()], axis=-2)


def trace_norm(weights):
    return np.linalg.svd(below_each_other(weights), compute_uv=False).sum(axis=-1)


def group_lasso(weights):
    return np.sqrt((below_each_other(weights) ** 2).sum(axis=-2)).sum(axis=-1)


def orthogonality(weights):
    total, names = 0.0, list(weights)
    for position, one in enumerate(names):
        for other in names[position + 1 :]:
            products = np.einsum("...kd,...ld->...kl", weights[one].numpy(), weights[other].numpy())
            total = total + (products**2).sum(axis=(-2, -1))
    return total


FORMULAS = {"trace_norm": (TraceNorm(), trace_norm), "group_lasso": (GroupLasso(), group_lasso),
            "orthogonality": (Orthogonality(), orthogonality)}  # fmt: skip


EVERY = pytest.mark.parametrize(("penalty", "formula"), FORMULAS.values(), ids=FORMULAS.keys())
