"""Limits on the memory of networks whose sizes come from a file."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from ..exceptions import ModelFileError


class WithoutMemory(TorchDispatchMode):
    """Create tensors with shapes but without memory, on torch's device "meta".

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
    """Limit the size of each tensor and of all tensors together.

    So the layer sizes in a file cannot fill the memory, for any trunk. The limit applies to the thread that enters
    it.

    Parameters
    ----------
    limit : int
        Maximum bytes of all tensors that exist at a time.
    largest : int
        Maximum bytes of one tensor.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.persistence._allocation import AllocationLimit
    >>> with AllocationLimit(1000, 100):
    ...     torch.zeros(10**12)
    Traceback (most recent call last):
    sklearn_mtl.exceptions.ModelFileError: its network would need more memory than its arrays account for
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
            raise ModelFileError("its network would need more memory than its arrays account for")


def _bytes_needed(func: Any, args: tuple, kwargs: dict[str, Any]) -> int:
    """Return the bytes of the tensors that a function call would create; 0 if unknown to torch."""
    try:
        made = _on_meta(func, *tree_map(_as_meta, (args, kwargs)))
    except (NotImplementedError, RuntimeError, TypeError):
        return 0
    return sum(leaf.numel() * leaf.element_size() for leaf in tree_leaves(made) if isinstance(leaf, Tensor))


def _on_meta(func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call a function on the meta device."""
    if not any(isinstance(leaf, Tensor) for leaf in tree_leaves((args, kwargs))):
        kwargs = {**kwargs, "device": torch.device("meta")}
    if "generator" in kwargs:  # a CPU generator does not work there
        kwargs = {**kwargs, "generator": None}
    return func(*args, **kwargs)


def _as_meta(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return torch.empty_strided(leaf.size(), leaf.stride(), dtype=leaf.dtype, device="meta")
    return leaf
