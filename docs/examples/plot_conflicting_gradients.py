"""
===========================================
Gradients that conflict: seven ways to step
===========================================

Two losses are functions of two numbers, so that every step of a weighting can be drawn. The papers of CAGrad [1]_
and Nash-MTL [2]_ use this problem to show the effect of conflicting gradients.

Where the second number is positive, each loss is a narrow valley: its walls are hundreds of times steeper than its
bottom, and the valleys of the two losses are next to each other. Where it is negative, each loss is a wide bowl.
"""

# %%
# The losses
# ----------
import torch

starts = torch.tensor([[-8.5, 7.5], [9, 9], [-8.5, -5], [-7.5, -0.5], [9, -1]])


def losses(points):
    """Compute both losses (..., 2) at points (..., 2)."""
    x, y = points.unbind(-1)
    above, below = torch.tanh(y / 2).clamp(min=0), torch.tanh(-y / 2).clamp(min=0)
    walls = (-x - 7) / 2 + torch.tanh(y), (-x + 3) / 2 - torch.tanh(y) + 2
    valleys = [wall.abs().clamp(min=5e-6).log() + 6 for wall in walls]
    bowls = [((x - c) ** 2 + 0.1 * (y + 8) ** 2) / 10 - 20 for c in (7, -7)]
    parts = zip(valleys, bowls, strict=True)
    return torch.stack(
        [above * valley + below * bowl for valley, bowl in parts], dim=-1
    )


# %%
# The weightings
# --------------
# A weighting builds a module. The module takes the losses, a mask of the tasks that have a label, and the scalar
# products of the tasks' gradients, and returns a weight for each gradient. An estimator does the same in each
# step; there ``weighting="nash_mtl"`` is enough. Steps are at most 0.1 long here, so that only the directions
# differ.
from sklearn_mtl.weighting import IMTLG, MGDA, CAGrad, NashMTL, PCGrad, Static, UPGrad


def descend(weighting, n_steps=550, longest=0.1):
    """Return the paths (n_steps + 1, n_starts, 2) from all starts."""
    module = weighting.build({"one": None, "other": None})
    points, present = starts.clone(), torch.ones(len(starts), 2, dtype=torch.bool)
    way = [points]
    for _ in range(n_steps):
        at = points.clone().requires_grad_()
        both = losses(at)
        by_task = [
            torch.autograd.grad(both[:, task].sum(), at, retain_graph=True)[0]
            for task in (0, 1)
        ]
        gradients = torch.stack(by_task, dim=1)
        weights = module(both.detach(), present, gradients @ gradients.mT)
        direction = (weights.expand(len(at), 2)[..., None] * gradients).sum(dim=1)
        length = direction.norm(dim=-1, keepdim=True).clamp(min=longest)
        points = points - longest * direction / length
        way.append(points)
    return torch.stack(way)


weightings = {
    "plain sum": Static(),
    "PCGrad": PCGrad(),
    "CAGrad, c = 0.9": CAGrad(c=0.9),
    "UPGrad": UPGrad(),
    "IMTL-G": IMTLG(),
    "Nash-MTL": NashMTL(),
    "MGDA": MGDA(),
}
ways = {name: descend(weighting) for name, weighting in weightings.items()}

# %%
# Paths
# -----
# The contour lines show the sum of both losses. The thick grey line is the Pareto front, where no step reduces
# both losses.
#
# The plain sum follows the longer of two gradients. From the upper starts it steps across a valley, from one wall
# to the other and back, and stays there. The other methods weight the gradients such that a step that helps one
# task does not harm the other. This leaves the direction along the valley, and all of them reach the front.
#
# They end at different points. CAGrad, and the plain sum from the lower start, reach the lowest sum. The others
# stop where they meet the front. MGDA takes the shortest vector between the gradients, often the shorter of them.
# With two tasks IMTL-G and Nash-MTL follow the same path, which bisects the angle of the gradients. PCGrad and
# UPGrad also follow the same path: they project each gradient onto the normal of the other.
import matplotlib.pyplot as plt
import numpy as np

axis = torch.linspace(-11, 11, 500)
grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)
height = losses(grid).sum(dim=-1)
colors = ["#d1495b", "#00798c", "#edae49", "#6a4c93", "#3d5a80"]

figure, axes = plt.subplots(2, 4, figsize=(12, 6.2), layout="constrained")
for ax, (name, way) in zip(axes.flat, ways.items(), strict=False):
    ax.contourf(
        axis, axis, height, levels=np.arange(-40, 24, 4), cmap="Greys_r", alpha=0.35
    )
    ax.plot([-7, 7], [-8.3552] * 2, color="0.45", linewidth=6, label="Pareto front")
    for start, color in enumerate(colors):
        ax.plot(*way[:, start].T, color=color, linewidth=1.3)
        ax.plot(
            *way[0, start], "o", markerfacecolor="white", color=color, label="start"
        )
        ax.plot(*way[-1, start], "o", color=color, label=f"after {len(way) - 1} steps")
    ax.set(title=name, xticks=[], yticks=[], aspect="equal", ylim=(-10.5, 10.5))
axes.flat[-1].axis("off")
axes.flat[-1].legend(
    *(found[:3] for found in ax.get_legend_handles_labels()), loc="center"
)
plt.show()

# %%
# Speed
# -----
# Both losses along the paths from the upper left. In the valley, the first loss hardly changes on average while
# the steps jump from wall to wall.
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained", sharey=True)
drawn = {"plain sum": "0.5", "PCGrad": "#d1495b", "CAGrad, c = 0.9": "#edae49"}
drawn |= {"Nash-MTL": "#00798c", "MGDA": "#6a4c93"}
for name, color in drawn.items():
    for task, ax in enumerate(axes):
        ax.plot(
            losses(ways[name][:, 0])[:, task], color=color, label=name, linewidth=1.2
        )
for ax, title in zip(axes, ("one loss", "the other loss"), strict=True):
    ax.set(title=title, xlabel="step")
    ax.spines[["top", "right"]].set_visible(False)
axes[1].legend(frameon=False)
plt.show()

# %%
# In a network the walls are rarely as steep, and the noise of batches moves the steps out of valleys. On real data
# the plain sum with tuned weights is hard to beat; the user guide says when to try another weighting.
#
# .. [1] Liu et al., "Conflict-Averse Gradient Descent for Multi-task Learning", NeurIPS 2021.
# .. [2] Navon et al., "Multi-Task Learning as a Bargaining Game", ICML 2022.
