"""Recurrent layers in a form that can be exported for rows of any length."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from ..trunks._sequence_layers import Recurrent
from ._scan import scan

# torch has the gates input, forget, cell and output; ONNX has input, output, forget and cell.
_GATES_OF_ONNX = (0, 3, 1, 2)


class OperatorMemory(nn.Module):
    """A long short-term memory as one operator, which `lstm_translation` translates to that of ONNX.

    Parameters
    ----------
    memory : nn.LSTM
        Of one layer and direction, with rows first.
    """

    def __init__(self, memory: nn.LSTM) -> None:
        super().__init__()
        weights = dict(memory.named_parameters())
        for name, parts in {
            "w": ["weight_ih_l0"],
            "r": ["weight_hh_l0"],
            "b": ["bias_ih_l0", "bias_hh_l0"],
        }.items():
            ordered = [weights[part].detach().chunk(4)[gate] for part in parts for gate in _GATES_OF_ONNX]
            self.register_buffer(name, torch.cat(ordered).unsqueeze(0))

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return lstm_operator()(x, *self.buffers()), None


class ScannedMemory(nn.Module):
    """A long short-term memory as a scan over the steps.

    Parameters
    ----------
    memory : nn.LSTM
        Of one layer and direction, with rows first.
    """

    def __init__(self, memory: nn.LSTM) -> None:
        super().__init__()
        for name, values in memory.named_parameters():
            self.register_buffer(name, values.detach())

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        w, r, b, c = self.buffers()
        given = x @ w.T + (b + c)
        start = torch.zeros(x.shape[0], r.shape[1], dtype=x.dtype)

        def step(state: tuple[Tensor, Tensor], now: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
            said, kept = state
            takes, keeps, new, says = (now + said @ r.T).chunk(4, dim=-1)
            kept = keeps.sigmoid() * kept + takes.sigmoid() * new.tanh()
            said = says.sigmoid() * kept.tanh()
            return (said, kept), said.clone()

        _, outputs = scan(step, (start, start.clone()), given.movedim(1, 0))
        return outputs.movedim(0, 1), None


@cache
def lstm_operator() -> Any:
    """Return an operator for tracing only, from x (B, L, D) and the weights as of ONNX to (B, L, H)."""
    library = torch.library.Library("sklearn_mtl", "FRAGMENT")
    library.define("lstm(Tensor x, Tensor w, Tensor r, Tensor b) -> Tensor")
    torch.library.register_fake("sklearn_mtl::lstm", _shaped, lib=library)
    _LIBRARIES.append(library)
    return torch.ops.sklearn_mtl.lstm.default


# An operator lives as long as its library.
_LIBRARIES: list[Any] = []


def _shaped(x: Tensor, w: Tensor, r: Tensor, b: Tensor) -> Tensor:
    return x.new_empty(*x.shape[:-1], r.shape[-1])


def lstm_translation(op: Any) -> Callable[..., Any]:
    """Return the translation of the operator to a set of operators of ONNX."""

    def lstm(x: Any, w: Any, r: Any, b: Any) -> Any:
        steps, *_ = op.LSTM(op.Transpose(x, perm=[1, 0, 2]), w, r, b, hidden_size=int(r.shape[-1]))
        return op.Transpose(op.Squeeze(steps, op.Constant(value_ints=[1])), perm=[1, 0, 2])

    return lstm


def replace_memories(network: nn.Module, kind: Callable[[nn.LSTM], Any]) -> None:
    """Replace the memories of all recurrent layers in a network."""
    for layer in network.modules():
        if isinstance(layer, Recurrent):
            layer.forwards, layer.backwards = (kind(memory) for memory in (layer.forwards, layer.backwards))
