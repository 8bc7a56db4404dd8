"""Tracing of a torch module as an ONNX graph."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..utils._optional import import_optional
from ._memories import lstm_operator, lstm_translation
from ._names import ROWS

#: opset of ONNX that graphs use
OPSET = 18
# Modules that report what they skip, such as operators of torchvision.
_TALKATIVE = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")


def trace(
    module: nn.Module,
    examples: Mapping[str, Tensor],
    axes: Mapping[str, Mapping[int, str]],
    answers: Sequence[str],
) -> Any:
    """Return the ONNX model of a module whose tensors all have rows as their first axis.

    Parameters
    ----------
    module : nn.Module
        In evaluation mode.
    examples : mapping of str to Tensor
        Arguments of ``forward``, of a few rows, by the name of the input.
    axes : mapping of str to mapping of int to str
        Names of the axes of any size, other than rows, by input and position.
    answers : sequence of str
        Names of the outputs.

    Raises
    ------
    TypeError
        If torch cannot convert the module, for instance an architecture of the user's own.
    """
    onnxscript = import_optional("onnxscript", "onnx", "to_onnx")
    with quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                module,
                tuple(examples.values()),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=list(examples),
                output_names=list(answers),
                dynamic_shapes=dynamic_shapes(examples, axes),
                custom_translation_table={
                    torch.ops.aten.searchsorted.Tensor: _searchsorted(onnxscript),
                    lstm_operator(): lstm_translation(onnxscript.opset18),
                },
            )
        except torch.onnx.OnnxExporterError as error:
            raise TypeError(
                "to_onnx: torch.onnx cannot convert the network: a module of it, such as one of your own, "
                "computes what has no counterpart in ONNX, or depends on the number of rows; see "
                "the error above."
            ) from error
    assert program is not None
    _require_any_size(program.model_proto.graph.input)
    return _without_remarks(program.model_proto)


def _require_any_size(inputs: Any) -> None:
    """Check that torch has not taken the number of rows of the example for the only one."""
    fixed = [each.name for each in inputs if not each.type.tensor_type.shape.dim[0].dim_param]
    if fixed:
        raise TypeError(
            f"to_onnx: the network computes with a fixed number of rows of {fixed}: a module of it, such as one "
            "of your own, reads it as an int, as len(x) does; use x.shape[0]."
        )


def dynamic_shapes(examples: Mapping[str, Tensor], axes: Mapping[str, Mapping[int, str]]) -> tuple[Any]:
    """Return which axes have any size, for an export of a module whose ``forward`` takes ``*tensors``."""
    named = {name: {0: ROWS, **axes.get(name, {})} for name in examples}
    dims = {axis: torch.export.Dim(axis) for of in named.values() for axis in of.values()}
    return (tuple({place: dims[axis] for place, axis in of.items()} for of in named.values()),)


def _without_remarks(model: Any) -> Any:
    """Remove the stack traces of tracing, which are most of a small file and have the paths of this machine."""
    graph = model.graph
    for each in (*graph.node, *graph.input, *graph.output, *graph.initializer, graph, model):
        del each.metadata_props[:]
        each.doc_string = ""
    del graph.value_info[:]  # runtimes infer shapes, and those of recurrent layers are as of the example
    return model


def _searchsorted(onnxscript: Any) -> Any:
    """Return ``torch.searchsorted`` for the last axis as an ONNX function: how many knots are smaller."""
    op = onnxscript.opset18

    def searchsorted(knots: Any, values: Any, **_: Any) -> Any:
        last, before_last = op.Constant(value_ints=[-1]), op.Constant(value_ints=[-2])
        smaller = op.Less(op.Unsqueeze(knots, before_last), op.Unsqueeze(values, last))
        return op.ReduceSum(op.Cast(smaller, to=onnxscript.INT64.dtype), last, keepdims=0)

    return searchsorted


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what torch and onnxscript report about their own workings."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
