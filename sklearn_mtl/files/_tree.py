"""Nested dicts, lists and numbers with tensors in them, as JSON and safetensors."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

_PLAIN = (bool, int, float, str)


def pack_tree(tree: Any) -> tuple[bytes, bytes]:
    """Write a tree as JSON, and the tensors in it as safetensors.

    Parameters
    ----------
    tree : object
        Dicts, lists, tuples, tensors, arrays, numbers, text and None, nested in any way. Keys are numbers or text.
        Floats, dtypes and shapes are restored exactly; arrays are restored as tensors, and all tensors on the CPU.

    Returns
    -------
    json, tensors : bytes

    Raises
    ------
    TypeError
        If it contains anything else.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.files._tree import pack_tree, unpack_tree
    >>> unpack_tree(*pack_tree({"betas": (0.9, 0.99), 3: [torch.ones(2), None]}))
    {'betas': (0.9, 0.99), 3: [tensor([1., 1.]), None]}
    """
    tensors: dict[str, Tensor] = {}
    content = json.dumps(_described(tree, tensors)).encode()
    return content, safetensors.torch.save(tensors)


def unpack_tree(content: bytes, tensors: bytes) -> Any:
    """Read the output of `pack_tree`.

    Raises
    ------
    ValueError, TypeError, KeyError
        Or any other exception of JSON and safetensors for invalid content.
    """
    return _rebuilt(json.loads(content), safetensors.torch.load(tensors))


def _described(tree: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(tree, np.generic):
        tree = tree.item()
    if tree is None or type(tree) in _PLAIN:
        return tree
    if isinstance(tree, np.ndarray):
        tree = torch.from_numpy(np.ascontiguousarray(tree))
    if isinstance(tree, Tensor):
        name = str(len(tensors))
        # a copy, because safetensors rejects tensors that share memory, like tied weights
        tensors[name] = tree.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(tree, dict):
        if not all(type(key) in _PLAIN for key in tree):
            raise TypeError(f"keys should be numbers or text, got {list(tree)}.")
        return {"dict": [[key, _described(value, tensors)] for key, value in tree.items()]}
    if isinstance(tree, list | tuple):
        kind = "tuple" if isinstance(tree, tuple) else "list"
        return {kind: [_described(value, tensors) for value in tree]}
    raise TypeError(f"{tree!r} is not a number, text, tensor, list or dict.")


def _rebuilt(description: Any, tensors: dict[str, Tensor]) -> Any:
    if description is None or type(description) in _PLAIN:
        return description
    ((kind, value),) = description.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "dict":
        return {key: _rebuilt(entry, tensors) for key, entry in value}
    values = [_rebuilt(entry, tensors) for entry in value]
    return {"list": list, "tuple": tuple}[kind](values)
