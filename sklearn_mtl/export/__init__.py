"""Export of fitted models to other runtimes."""

from ._onnx import onnx_inputs, to_onnx

__all__ = ["onnx_inputs", "to_onnx"]
