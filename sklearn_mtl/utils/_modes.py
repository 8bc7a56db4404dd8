"""Protection of fits and predictions from the caller's torch modes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils._device import DeviceContext

# Device types with autocast.
_AUTOCAST = ("cpu", "cuda", "mps")
# Torch functions that make floats of the default dtype if no dtype is given.
_MAKERS = {
    torch.empty, torch.ones, torch.zeros, torch.eye, torch.linspace, torch.logspace, torch.rand, torch.randn,
    torch.empty_strided, torch.scalar_tensor, torch.hann_window, torch.hamming_window, torch.blackman_window,
    torch.bartlett_window, torch.kaiser_window,
}  # fmt: skip
# Functions that infer the dtype from their argument.
_READERS = {torch.full, torch.arange, torch.range, torch.tensor, torch.as_tensor, torch.asarray}


@contextmanager
def own_modes() -> Iterator[None]:
    """Compute with torch's default modes, independent of the caller's settings.

    Gradients are on, autocast and inference mode are off, and tensors without a given device or dtype are on the
    CPU and float32. The changes affect this Python thread only. Therefore `torch.set_default_dtype`, which is
    global for the process, is not called: the functions that use it receive a dtype instead. If the caller has
    changed nothing, nothing is done. It can also be used as a decorator.
    """
    modes = _get_current_function_mode_stack()
    if (
        torch.is_grad_enabled()
        and not (modes or torch.is_inference_mode_enabled() or any(map(torch.is_autocast_enabled, _AUTOCAST)))
        and torch.get_default_dtype() == torch.float32
    ):
        yield
        return
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        for kind in _AUTOCAST:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if any(isinstance(mode, DeviceContext) for mode in modes):
            stack.enter_context(torch.device("cpu"))
        if torch.get_default_dtype() != torch.float32 and not any(isinstance(mode, _Float32) for mode in modes):
            stack.enter_context(_Float32())
        yield


class _Float32(TorchFunctionMode):
    """Makes torch functions create float32 tensors."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        is_given = kwargs.get("dtype") is not None or kwargs.get("out") is not None
        if not is_given and func in _MAKERS:
            return func(*args, **{**kwargs, "dtype": torch.float32})
        made = func(*args, **kwargs)
        if (
            not is_given
            and func in _READERS
            and _is_plain(args, kwargs)
            and made.dtype == torch.get_default_dtype()
        ):
            return func(*args, **{**kwargs, "dtype": torch.float32})
        return made


def _is_plain(args: Any, kwargs: Any) -> bool:
    """Return whether the argument has no dtype."""
    values = args[0] if args else next(iter(kwargs.values()), None)
    while isinstance(values, list | tuple) and values:
        values = values[0]
    return not isinstance(values, torch.Tensor | np.ndarray | np.generic)
