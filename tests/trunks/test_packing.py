import pytest
import torch

from sklearn_mtl.trunks._packing import Part, pack, unpack


@pytest.mark.parametrize("axes", [(), (2,)])
def test_what_is_packed_comes_out_again(axes):
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(*shape, generator=generator) for shape in ((5, 3), (5, 4, 2), (5, 2, 3, 1))]
    parts = [Part((3,), 0, False), Part((1, 2), 1, True), Part((2, 3, 1), 2, False)]
    packed = pack(tensors, parts)
    packed = packed.expand(*axes, *packed.shape)
    for one, other in zip(unpack(packed, parts), tensors, strict=True):
        torch.testing.assert_close(one, other.expand(*axes, *other.shape))
