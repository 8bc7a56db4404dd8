"""An affine map of the members of an ensemble that share its weight."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._layers import Linear


class BatchLinear(nn.Module):
    r"""M affine maps with one weight, which vectors of each member scale on both sides [1]_.

    .. math:: y_m = ((x_m \circ r_m) W^\top) \circ s_m + b_m

    Member m computes what a map with the weight :math:`\mathrm{diag}(s_m) W \mathrm{diag}(r_m)` would, of which
    only the vectors r, s and b are its own. At the start s is 1 and all members have the same b; r is 1 or, where
    the members are to part, random signs [2]_.

    Parameters
    ----------
    linear : Linear
        The map to start from, with weight (..., out, in).
    n_members : int
        M.
    generators : sequence of torch.Generator or None, default=None
        One for each member, which its signs are drawn from; None starts with r = 1.

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
        """Map vectors (M, ..., B, in), or (..., B, in) that the members share, to (M, ..., B, out)."""
        product = torch.matmul(x * self.input_scales.unsqueeze(-2), self.weight.mT)
        return torch.addcmul(self.bias.unsqueeze(-2), product, self.output_scales.unsqueeze(-2))
