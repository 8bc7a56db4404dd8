"""The problem of two numbers and two losses of the papers of CAGrad and Nash-MTL.

Above, each loss is a narrow valley whose walls are much steeper than its bottom; below, it is a bowl. A step along
the plain sum crosses the valley repeatedly. The Pareto front is a line between the lowest points of the bowls.
"""

import pytest
import torch

from sklearn_mtl.weighting import IMTLG, MGDA, CAGrad, NashMTL, PCGrad, Static, UPGrad

# those of CAGrad first, then those that Nash-MTL adds
STARTS = torch.tensor([[-8.5, 7.5], [-8.5, -5], [9, 9], [0, 0], [-7.5, -0.5], [9, -1]], dtype=torch.float64)
WEIGHTINGS = {
    "pcgrad": PCGrad(),
    "cagrad": CAGrad(c=0.9),
    "imtlg": IMTLG(),
    "nash_mtl": NashMTL(),
    "mgda": MGDA(),
    "upgrad": UPGrad(),
}


def losses(x):
    """Two losses (..., 2) at points (..., 2)."""
    across, along = x.unbind(-1)
    above, below = torch.tanh(along / 2).clamp(min=0), torch.tanh(-along / 2).clamp(min=0)
    walls = (-across - 7) / 2 + torch.tanh(along), (-across + 3) / 2 - torch.tanh(along) + 2
    valleys = [wall.abs().clamp(min=5e-6).log() + 6 for wall in walls]
    bowls = [((across - centre) ** 2 + 0.1 * (along + 8) ** 2) / 10 - 20 for centre in (7, -7)]
    return torch.stack([above * v + below * b for v, b in zip(valleys, bowls, strict=True)], dim=-1)


def gradients(x):
    """Gradients (..., 2, 2) of both losses."""
    x = x.detach().requires_grad_()
    values = losses(x)
    rows = [torch.autograd.grad(values[..., task].sum(), x, retain_graph=True)[0] for task in range(2)]
    return torch.stack(rows, dim=-2)


def descend(weighting, starts=STARTS, n_steps=500, length=0.1):
    """Go from all starts along the weighted gradients, in steps of at most a length; give the last points."""
    module = weighting.build(dict.fromkeys("ab")).double()
    x, present = starts.clone(), torch.ones(len(starts), 2, dtype=torch.bool)
    for _ in range(n_steps):
        J = gradients(x)
        weights = module(losses(x), present, J @ J.mT).expand(len(x), 2)
        d = (weights[..., None] * J).sum(dim=-2)
        x = x - length * d / d.norm(dim=-1, keepdim=True).clamp(min=length)
    return x


def shortest_in_hull(J):
    """Length of the shortest vector between two gradients: 0 where no step makes both losses smaller."""
    g, h = J.unbind(-2)
    share = ((h - g) * h).sum(dim=-1) / (h - g).square().sum(dim=-1)
    return (share.clamp(0, 1)[..., None] * (g - h) + h).norm(dim=-1)


def test_the_front_is_between_the_bowls():
    line = torch.linspace(-6.9, 6.9, 29, dtype=torch.float64)
    grid = torch.linspace(-9, -7.5, 1501, dtype=torch.float64)
    points = torch.stack(torch.meshgrid(line, grid, indexing="ij"), dim=-1)
    lowest = grid[shortest_in_hull(gradients(points)).argmin(dim=1)]
    # the published picture has it at -8.3552
    assert lowest[14].item() == pytest.approx(-8.3552, abs=2e-3)
    assert ((lowest > -8.45) & (lowest < -8.34)).all()


@pytest.mark.parametrize("weighting", WEIGHTINGS.values(), ids=WEIGHTINGS.keys())
def test_every_start_leads_to_the_front(weighting):
    ends = descend(weighting)
    assert (shortest_in_hull(gradients(ends)) < 0.05).all()
    assert ((ends[:, 1] > -8.8) & (ends[:, 1] < -7.9)).all()
    assert (ends[:, 0].abs() < 7.3).all()


def test_the_plain_sum_stays_in_the_valleys():
    ends = descend(Static())
    in_valley = torch.tensor([True, False, True, False, False, False])
    assert ((ends[:, 1] > 5) == in_valley).all()
    # from elsewhere it comes to the lowest mean
    assert (ends[~in_valley, 0].abs() < 0.3).all()


@pytest.mark.parametrize("c", [0.0, 0.5])
def test_cagrad_of_a_small_radius_comes_to_the_lowest_mean(c):
    ends = descend(CAGrad(c=c), STARTS[[1, 4, 5]])
    assert (ends[:, 0].abs() < 0.3).all()
    assert (shortest_in_hull(gradients(ends)) < 0.05).all()
