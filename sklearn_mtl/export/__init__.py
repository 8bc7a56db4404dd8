"""Export of fitted models to other runtimes."""

from ._inputs import onnx_inputs
from ._onnx import to_onnx
from ._torch import to_torch

__all__ = ["onnx_inputs", "to_onnx", "to_torch"]
