"""Load balance of experts, also if the gates of a level use none of them."""

import numpy as np
import pytest
import torch

from sklearn_mtl import Targets
from sklearn_mtl.architectures import PLE, MMoE
from sklearn_mtl.architectures._mixing import imbalance

from .._helpers import assert_finite, inputs, net


@pytest.mark.parametrize("size", [0.0, 1e-40, 1e-30, 1e-20, 1.0])
@pytest.mark.parametrize("n_experts", [1, 3])
def test_equal_use_is_even_however_small_with_finite_gradients(size, n_experts):
    gates = torch.full((2, 9, n_experts), size, requires_grad=True)
    uneven = imbalance(gates)
    uneven.backward()
    assert uneven.item() == pytest.approx(0, abs=1e-10)
    assert torch.isfinite(gates.grad).all()


@pytest.mark.parametrize("scale", [1e-30, 1e-10, 1.0, 1e10])
def test_scale_does_not_matter(scale):
    gates = torch.rand(2, 9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    used = gates.sum(dim=(0, 1)).numpy()
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        value = imbalance((scale * gates).to(dtype)).item()
        assert value == pytest.approx((used.std() / used.mean()) ** 2, rel=tolerance)


def test_imbalance_of_members_is_that_of_each():
    gates = torch.rand(3, 2, 9, 4, generator=torch.Generator().manual_seed(0))
    gates[1] = 0
    expected = torch.stack([imbalance(one) for one in gates])
    torch.testing.assert_close(imbalance(gates), expected)


@pytest.mark.parametrize(
    "architecture",
    [
        PLE(n_shared=1, top_k=1, load_balancing=1.0),
        PLE(n_shared=2, n_specific=3, top_k=1, load_balancing=1.0, temperature=1e-3),
        PLE(n_levels=3, top_k=1, load_balancing=1.0),
        MMoE(top_k=1, load_balancing=1.0, temperature=1e-3),
    ],
    ids=["one shared", "many private", "levels", "mixture"],
)
def test_a_batch_in_which_no_row_uses_a_shared_expert(architecture):
    X = inputs(40)
    y = Targets(a=X[:, 0] > 0, b=X[:, 1] ** 2)
    estimator = net(architecture=architecture, batch_size=2, max_epochs=2).fit(X, y)
    assert_finite(estimator, X)
    assert np.isfinite(estimator.transform(X)).all()
