import math

import numpy as np
import pytest
import torch

from sklearn_mtl.files._tree import pack_tree, unpack_tree

TREE = {
    "numbers": [1, 2**70, True, None, "text", 0.1, math.inf, -0.0],
    "pair": (1.5, (2, [])),
    7: {"nested": {0: "zero", True: "yes"}},
    "empty": {},
}


def test_plain_values_come_back():
    back = unpack_tree(*pack_tree(TREE))
    assert back == TREE
    assert [type(value) for value in back["numbers"]] == [type(value) for value in TREE["numbers"]]
    assert math.copysign(1, back["numbers"][-1]) == -1
    assert math.isnan(unpack_tree(*pack_tree(math.nan)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool], ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)], ids=str)
def test_tensors_come_back_bit_by_bit(dtype, shape):
    tensor = (torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 3).to(dtype)
    back = unpack_tree(*pack_tree([tensor]))[0]
    assert (back.dtype, back.shape) == (tensor.dtype, tensor.shape)
    assert torch.equal(back, tensor)


def test_views_and_shared_memory_are_no_obstacle():
    whole = torch.arange(12.0).reshape(3, 4)
    back = unpack_tree(*pack_tree({"whole": whole, "again": whole, "transposed": whole.T, "column": whole[:, 1]}))
    assert torch.equal(back["again"], whole)
    assert torch.equal(back["transposed"], whole.T)
    assert torch.equal(back["column"], whole[:, 1])


def test_numpy_comes_back_as_numbers_and_tensors():
    back = unpack_tree(*pack_tree([np.float64(0.1), np.int32(3), np.bool_(True), np.arange(3)[::-1]]))
    assert [*back[:3], back[3].tolist()] == [0.1, 3, True, [2, 1, 0]]
    assert [type(value) for value in back[:3]] == [float, int, bool]


@pytest.mark.parametrize("tree", [object(), {"a": {1, 2}}, [torch.nn.Linear], {(1, 2): 3}])
def test_anything_else_is_refused(tree):
    with pytest.raises(TypeError):
        pack_tree(tree)
