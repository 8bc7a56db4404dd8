"""Training pass of networks of plain layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ..nn._chain import Chain
from ._outputs import Outputs


class PlainPass:
    """Forward and backward pass of a network that is a stem and one chain of layers, for all of its tasks.

    Parameters
    ----------
    stem : nn.Module
    chain : Chain
        From the stem's output to the outputs of all heads.
    names : sequence of str
        Tasks in the order of the outputs.
    widths : sequence of int
        Their numbers of outputs K.
    """

    def __init__(self, stem: nn.Module, chain: Chain, names: Sequence[str], widths: Sequence[int]) -> None:
        self.stem, self.chain, self.names, self.widths = stem, chain, names, widths

    def outputs(self, inputs: Mapping[str, Any]) -> Outputs:
        """Compute the outputs of all tasks, as leaves of the graph of the losses."""
        return Outputs([(self.names, self.widths, self.chain.forward(self.stem(inputs).values))])

    def backward(self) -> None:
        """Set the gradients of the parameters, after the losses were backpropagated to the outputs."""
        self.chain.backward()
