"""What is said when the memory is full."""

import pytest
import torch

from sklearn_mtl.exceptions import OutOfMemoryError
from sklearn_mtl.utils import _memory


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
        MemoryError(),
    ],
    ids=str,
)
def test_every_device_has_its_way_to_say_so(monkeypatch, error):
    freed = []
    monkeypatch.setattr(_memory.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(_memory.torch.cuda, "empty_cache", lambda: freed.append(1))
    with pytest.raises(OutOfMemoryError) as caught, _memory.explain_out_of_memory("training", "less needs less"):
        raise error
    assert str(caught.value).startswith("training ran out of memory; less needs less. (")
    assert freed == [1]


def test_other_errors_stay_what_they_are():
    for error in (RuntimeError("shapes do not match"), ValueError("out of memory")):
        with pytest.raises(type(error)) as caught, _memory.explain_out_of_memory("a", "b"):
            raise error
        assert caught.value is error


def test_error_of_a_part_is_that_of_the_whole():
    explain = _memory.explain_out_of_memory
    with pytest.raises(OutOfMemoryError, match="inner ran out"), explain("outer", "b"), explain("inner", "c"):
        raise MemoryError
