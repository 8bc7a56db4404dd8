"""A linear layer for members of an ensemble that share its weight."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._layers import Linear


class BatchLinear(nn.Module):
    r"""M linear layers with one shared weight, scaled on both sides by vectors of each member [1]_.

    .. math:: y_m = ((x_m \circ r_m) W^\top) \circ s_m + b_m

    Member m computes a linear layer with the weight :math:`\mathrm{diag}(s_m) W \mathrm{diag}(r_m)`; only the
    vectors r, s and b belong to the member. Initially s is 1 and all members have the same b; r is 1, or random
    signs to make the members differ [2]_.

    Parameters
    ----------
    linear : Linear
        The initial layer, with weight (..., out, in).
    n_members : int
        M.
    generators : sequence of torch.Generator or None, default=None
        One for each member, to draw its signs; None starts with r = 1.

    References
    ----------
    .. [1] Wen, Tran and Ba, "BatchEnsemble: An Alternative Approach to Efficient Ensemble and Lifelong Learning",
       ICLR 2020.
    .. [2] Gorishniy, Kotelnikov and Babenko, "TabM: Advancing Tabular Deep Learning with Parameter-Efficient
       Ensembling", ICLR 2025.
    """

    def __init__(
        self, linear: Linear, n_members: int, generators: Sequence[torch.Generator] | None = None
    ) -> None:
        super().__init__()
        weight, bias = linear.weight.detach(), linear.bias.detach()
        scales = weight.new_ones(n_members, *weight.shape[:-2], weight.shape[-1])
        if generators is not None:
            shape = scales.shape[1:]
            signs = [torch.randint(2, shape, generator=generator) for generator in generators]
            scales = 2 * torch.stack(signs).to(scales) - 1
        self.input_scales = nn.Parameter(scales)
        self.output_scales = nn.Parameter(torch.ones_like(bias).expand(n_members, *bias.shape).clone())
        self.weight = nn.Parameter(weight.clone())
        self.bias = nn.Parameter(bias.expand(n_members, *bias.shape).clone())

    def forward(self, x: Tensor) -> Tensor:
        """Map vectors (M, ..., B, in), or shared vectors (..., B, in), to (M, ..., B, out)."""
        product = torch.matmul(x * self.input_scales.unsqueeze(-2), self.weight.mT)
        return torch.addcmul(self.bias.unsqueeze(-2), product, self.output_scales.unsqueeze(-2))
