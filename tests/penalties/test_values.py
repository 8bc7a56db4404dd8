"""Values of penalties compared with formulas in numpy."""

import numpy as np
import pytest
import torch

from sklearn_mtl.penalties import Orthogonality, TraceNorm
from sklearn_mtl.testing._penalty import random_weights

from .formulas import EVERY


@EVERY
@pytest.mark.parametrize("members", [(), (3,), (2, 3)], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_values_are_their_formulas(penalty, formula, members, seed):
    weights = random_weights(*members, seed=seed)
    np.testing.assert_allclose(penalty.value(weights).numpy(), formula(weights), rtol=1e-12)


def test_orthogonal_heads_have_no_penalty():
    weights = {"a": torch.eye(5)[:2], "b": torch.eye(5)[2:3], "c": torch.eye(5)[3:]}
    assert Orthogonality().value(weights) == 0
    # products within a task are not penalised
    assert Orthogonality().value({"a": torch.ones(3, 5)}) == 0


def test_the_trace_norm_of_one_direction_is_its_length():
    direction = torch.tensor([[3.0, 4.0]])
    value = TraceNorm().value({"a": direction, "b": -2 * direction})
    assert value.item() == pytest.approx(5 * np.sqrt(5))
