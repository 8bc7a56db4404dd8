"""Layers over the steps of sequences, and the body that consists of them.

Each takes x (B, L, D) and a mask (B, L, 1), which is 1.0 for a step and 0.0 for padding. Inputs and outputs are 0
in padding, so the results of a row do not depend on its padding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..nn._layers import Dropout, Linear
from ._base import Representation
from ._stem_output import StemOutput

# Width of the hidden layer in a transformer block, as a multiple of the block's width.
EXPANSION = 2
# Longest wavelength of the position encoding, in steps over 2 pi.
LONGEST_WAVE = 10_000.0


class Convolution(nn.Module):
    """Convolve a step with its neighbours, followed by ReLU, with a residual connection if the widths are equal.

    Parameters
    ----------
    in_features, out_features : int
        Widths.
    kernel_size : int
        Number of steps of the kernel, odd.
    dropout : float
        Dropout probability before the residual connection.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(
        self, in_features: int, out_features: int, kernel_size: int, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.reach = kernel_size // 2
        self.noise = Dropout(dropout) if in_features == out_features else None
        # one product with the concatenated neighbours is faster than a convolution of short rows
        self.linear = Linear(in_features * kernel_size, out_features, generator)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        n_steps = x.shape[1]
        padded = nn.functional.pad(x, (0, 0, self.reach, self.reach))
        shifted = [padded[:, shift : shift + n_steps] for shift in range(2 * self.reach + 1)]
        out = self.linear(torch.cat(shifted, dim=-1)).relu() * mask
        return out if self.noise is None else x + self.noise(out)


class Recurrent(nn.Module):
    """A bidirectional long short-term memory (LSTM) [1]_ [2]_.

    The backward direction starts at the last step of each row, not at padding. Recurrent weights are initialised
    orthogonally, and forget gates are initially open [3]_.

    Parameters
    ----------
    in_features, out_features : int
        Widths; half of the result comes from each direction.
    generator : torch.Generator
        Source of the initial weights.

    References
    ----------
    .. [1] Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation, 1997.
    .. [2] Graves and Schmidhuber, "Framewise Phoneme Classification with Bidirectional LSTM and Other Neural
       Network Architectures", Neural Networks, 2005.
    .. [3] Jozefowicz, Zaremba and Sutskever, "An Empirical Exploration of Recurrent Network Architectures",
       ICML 2015.
    """

    def __init__(self, in_features: int, out_features: int, generator: torch.Generator) -> None:
        super().__init__()
        self.forwards = _memory(in_features, out_features // 2, generator)
        self.backwards = _memory(in_features, out_features // 2, generator)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        mirror = _mirror(mask)
        ahead, _ = self.forwards(x)
        back, _ = self.backwards(_steps(x, mirror))
        return torch.cat([ahead, _steps(back, mirror)], dim=-1) * mask


def _memory(in_features: int, size: int, generator: torch.Generator) -> nn.LSTM:
    # on a real device the constructor would draw from the global generator
    memory = nn.LSTM(in_features, size, batch_first=True, device="meta").to_empty(device="cpu")
    weights = dict(memory.named_parameters())
    with torch.no_grad():
        nn.init.xavier_uniform_(weights["weight_ih_l0"], generator=generator)
        for gate in weights["weight_hh_l0"].split(size):
            nn.init.orthogonal_(gate, generator=generator)
        weights["bias_hh_l0"].zero_()
        weights["bias_ih_l0"].zero_()
        weights["bias_ih_l0"][size : 2 * size] = 1.0  # input, forget, cell, output
    return memory


def _mirror(mask: Tensor) -> Tensor:
    """Return the reversed position of each step in its row, (B, L, 1); padding keeps its position."""
    steps = torch.arange(mask.shape[1], device=mask.device).view(1, -1, 1)
    opposite = mask.sum(dim=1, keepdim=True).long() - 1 - steps
    return torch.where(opposite >= 0, opposite, steps)


def _steps(x: Tensor, order: Tensor) -> Tensor:
    return x.gather(1, order.expand_as(x))


class TransformerBlock(nn.Module):
    """Self-attention and a hidden layer, each with a preceding layer norm and a residual connection [1]_ [2]_.

    Parameters
    ----------
    size : int
        Width.
    n_heads : int
        Number of heads, a divisor of the width.
    dropout : float
        Dropout probability before the residual connections.
    generator : torch.Generator
        Source of the initial weights.

    References
    ----------
    .. [1] Vaswani et al., "Attention Is All You Need", NeurIPS 2017.
    .. [2] Xiong et al., "On Layer Normalization in the Transformer Architecture", ICML 2020.
    """

    def __init__(self, size: int, n_heads: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.before_attention = nn.LayerNorm(size)
        self.queries_keys_values = Linear(size, 3 * size, generator)
        self.merge = Linear(size, size, generator)
        self.before_hidden = nn.LayerNorm(size)
        self.hidden = Linear(size, EXPANSION * size, generator)
        self.out = Linear(EXPANSION * size, size, generator)
        self.noise = nn.ModuleList([Dropout(dropout), Dropout(dropout)])

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        first, second = self.noise
        x = x + first(self._attend(self.before_attention(x), mask))
        x = x + second(self.out(self.hidden(self.before_hidden(x)).relu()))
        return x * mask

    def _attend(self, x: Tensor, mask: Tensor) -> Tensor:
        by_head = self.queries_keys_values(x).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys, values = by_head.unbind(0)
        # torch's fused attention cannot be mapped by torch.func.vmap
        scores = queries @ keys.mT / math.sqrt(queries.shape[-1])
        weights = scores.masked_fill(mask.mT.unsqueeze(1) == 0, torch.finfo(x.dtype).min).softmax(dim=-1)
        return self.merge((weights @ values).transpose(1, 2).flatten(-2))


class Projection(nn.Module):
    """A linear layer and layer norm of each step, plus a sinusoidal position encoding.

    Parameters
    ----------
    in_features, out_features : int
        Widths; the second one is even.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, in_features: int, out_features: int, generator: torch.Generator) -> None:
        super().__init__()
        self.linear = Linear(in_features, out_features, generator)
        # the same scale as the positions
        self.norm = nn.LayerNorm(out_features)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        out = self.norm(self.linear(x))
        half = torch.arange(out.shape[-1] // 2, device=x.device, dtype=x.dtype)
        frequency = LONGEST_WAVE ** (-2 * half / out.shape[-1])
        angle = torch.arange(x.shape[1], device=x.device, dtype=x.dtype)[:, None] * frequency
        return (out + torch.cat([angle.sin(), angle.cos()], dim=-1)) * mask


class Norm(nn.LayerNorm):
    """A layer norm of each step."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x) * mask


class Pooling(nn.Module):
    """One vector for each row: the maximum, the mean, or a learned weighted average over its steps.

    Parameters
    ----------
    how : {"max", "mean", "attention"}
    size : int
        Width.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, how: str, size: int, generator: torch.Generator) -> None:
        super().__init__()
        self.how = how
        self.score = Linear(size, 1, generator) if how == "attention" else None

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        if self.how == "mean":
            return x.sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        least = torch.finfo(x.dtype).min
        if self.score is None:
            # 0 for a row without steps
            return x.masked_fill(mask == 0, least).amax(dim=1) * mask.amax(dim=1)
        weights = self.score(x).masked_fill(mask == 0, least).softmax(dim=1)
        return (weights * x).sum(dim=1)


class Noise(Dropout):
    """Dropout between layers without residual connections."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x)


class SequenceBody(nn.Module):
    """Layers over the steps, a pooled vector for each row, and dropout of both.

    Parameters
    ----------
    layers : sequence of nn.Module
        Each called with x (B, L, D) and mask (B, L, 1).
    pooling : Pooling
    dropout : float
    """

    def __init__(self, layers: Sequence[nn.Module], pooling: Pooling, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.pooling = pooling
        self.sample_noise, self.token_noise = Dropout(dropout), Dropout(dropout)

    def forward(self, given: StemOutput) -> Representation:
        """Map vectors (B, L, W) to a `Representation`."""
        x = given.values
        there = x.new_ones(x.shape[:-1], dtype=torch.bool) if given.mask is None else given.mask
        mask = there.unsqueeze(-1).to(x.dtype)
        for layer in self.layers:
            x = layer(x, mask)
        sample = self.pooling(x, mask)
        return Representation(self.sample_noise(sample), self.token_noise(x), there)
