"""Networks whose sizes come from a file: what they would take is known before anything is taken."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from ..exceptions import ModelFileError


class WithoutMemory(TorchDispatchMode):
    """Make tensors that have shapes but no memory, on torch's device "meta".

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.persistence._allocation import WithoutMemory
    >>> with WithoutMemory():
    ...     torch.zeros(10**12).shape
    torch.Size([1000000000000])
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _on_meta(func, args, kwargs or {})


class AllocationLimit(TorchDispatchMode):
    """Refuse a tensor that is larger than one may be, or that with those that are there would be too much.

    So the numbers in a file, which say how large layers are, cannot fill the memory, whatever trunk they belong
    to. It holds for the thread that enters it.

    Parameters
    ----------
    limit : int
        Bytes of all tensors that are there at a time.
    largest : int
        Bytes of one.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.persistence._allocation import AllocationLimit
    >>> with AllocationLimit(1000, 100):
    ...     torch.zeros(10**12)
    Traceback (most recent call last):
    sklearn_mtl.exceptions.ModelFileError: its network would take more memory than the arrays in it account for
    """

    def __init__(self, limit: int, largest: int) -> None:
        super().__init__()
        self.limit = limit
        self.largest = largest
        self._taken = 0
        self._living: list[tuple[StorageWeakRef, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        makes_new = not (func.is_view or func._schema.is_mutable)
        if makes_new:
            self._reserve(_bytes_needed(func, args, kwargs))
        result = func(*args, **kwargs)
        if makes_new:
            for tensor in tree_leaves(result):
                if isinstance(tensor, Tensor):
                    storage = tensor.untyped_storage()
                    self._taken += storage.nbytes()
                    self._living.append((StorageWeakRef(storage), storage.nbytes()))
        return result

    def _reserve(self, n_bytes: int) -> None:
        if self._taken + n_bytes <= self.limit and n_bytes <= self.largest:
            return
        self._living = [(storage, size) for storage, size in self._living if not storage.expired()]
        self._taken = sum(size for _, size in self._living)
        if self._taken + n_bytes > self.limit or n_bytes > self.largest:
            raise ModelFileError("its network would take more memory than the arrays in it account for")


def _bytes_needed(func: Any, args: tuple, kwargs: dict[str, Any]) -> int:
    """Find how many bytes the tensors take that a function is about to make; 0 if torch cannot tell."""
    try:
        made = _on_meta(func, *tree_map(_as_meta, (args, kwargs)))
    except (NotImplementedError, RuntimeError, TypeError):
        return 0
    return sum(leaf.numel() * leaf.element_size() for leaf in tree_leaves(made) if isinstance(leaf, Tensor))


def _on_meta(func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call a function that makes tensors, or whose tensors have no memory."""
    if not any(isinstance(leaf, Tensor) for leaf in tree_leaves((args, kwargs))):
        kwargs = {**kwargs, "device": torch.device("meta")}
    if "generator" in kwargs:  # one for the CPU is of no use there
        kwargs = {**kwargs, "generator": None}
    return func(*args, **kwargs)


def _as_meta(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return torch.empty_strided(leaf.size(), leaf.stride(), dtype=leaf.dtype, device="meta")
    return leaf
