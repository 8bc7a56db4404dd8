"""
===============================
Which tasks share which experts
===============================

Of four tasks, **a1** and **a2** are nearly the same, and so are **b1** and **b2**; the pairs have nothing to do
with each other. The network is not told about the pairs. Do mixtures of experts find them, and does it improve the
scores?

Each task is a sum of three sines of random directions in eight columns, plus noise. Tasks of a pair add up the
same three sines, with slightly different weights.
"""

# %%
# The tasks
# ---------
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_mtl import MultiTaskNetRegressor, Optimizer
from sklearn_mtl.architectures import PLE, HardSharing, Independent, MMoE
from sklearn_mtl.inspection import GateWeightsDisplay, NetworkFlowDisplay
from sklearn_mtl.trunks import MLP

n_train, n_test = 1000, 2000


def pair_of_tasks(X, rng):
    """Make two related targets of the same rows."""
    directions = rng.normal(size=(8, 3))
    sines = np.sin(2 * X @ directions / np.linalg.norm(directions, axis=0))
    signals = sines @ np.ones(3), sines @ (1 + 0.1 * rng.normal(size=3))
    return [s / s.std() + 0.5 * rng.normal(size=len(s)) for s in signals]


def table(seed):
    """Make training and test rows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_train + n_test, 8))
    targets = [*pair_of_tasks(X, rng), *pair_of_tasks(X, rng)]
    y = pd.DataFrame(np.column_stack(targets), columns=["a1", "a2", "b1", "b2"])
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


# %%
# The networks
# ------------
# A body of the trunk has **four hidden units**, too few for two pairs. Hard sharing has one body, the independent
# networks have one body each, the mixture has four shared bodies, and progressive layered extraction has two
# shared bodies and one for each task. More bodies have more units, so a second hard-sharing network has the 16
# units of the four experts.
networks = {  # name: (architecture, hidden units of a body)
    "hard sharing": (HardSharing(), 4),
    "hard sharing, 16 units": (HardSharing(), 16),
    "independent": (Independent(), 4),
    "MMoE": (MMoE(n_experts=4), 4),
    "PLE": (PLE(n_shared=2, n_specific=1), 4),
}
NetworkFlowDisplay.from_architecture(networks["MMoE"][0], ["a1", "a2", "b1", "b2"])
plt.show()


# %%
# Every network is trained on three tables. Each table has different rows, tasks and initial weights.
def train(name, seed):
    """Fit one of the networks to one of the tables."""
    architecture, n_units = networks[name]
    net = MultiTaskNetRegressor(
        architecture=architecture,
        trunk=MLP(hidden_sizes=(n_units,), scaling="standard"),
        learning_rate=0.02,
        optimizer=Optimizer(schedule="one_cycle"),
        batch_size=64,
        max_epochs=60,
        early_stopping=False,
        random_state=seed,
    )
    return net.fit(*table(seed)[:2])


nets = {(name, seed): train(name, seed) for name in networks for seed in range(3)}

# %%
# Scores
# ------
# The noise limits R2 to 0.8. Dots are tables, bars their means:
scores = pd.DataFrame(
    [
        {"network": name, "task": task, "seed": seed, "R2": r2}
        for (name, seed), net in nets.items()
        for task, r2 in net.score_tasks(*table(seed)[2:]).items()
    ]
)
by_task = scores.pivot_table(index="network", columns="task", values="R2", sort=False)
print(by_task.assign(mean=by_task.mean(axis=1)).round(2).to_string())

colors = ["0.6", "0.35", "tab:orange", "tab:blue", "tab:green"]
figure, ax = plt.subplots(figsize=(9, 3.8), layout="constrained")
for number, (name, color) in enumerate(zip(networks, colors, strict=True)):
    places = np.arange(4) + 0.16 * (number - 2)
    ax.bar(places, by_task.loc[name], width=0.14, color=color, alpha=0.5, label=name)
    one = scores[scores["network"] == name].pivot(
        index="seed", columns="task", values="R2"
    )
    ax.plot(places, one.T, "o", color=color, markersize=4)
ax.axhline(0.8, color="0.7", linewidth=1, linestyle="--")
ax.set_xticks(range(4), by_task.columns)
ax.set(ylabel="R2 on test rows")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5)
plt.show()

# %%
# Which task uses which expert
# ----------------------------
# The gates of the mixture, averaged over the test rows of each table:
figure, axes = plt.subplots(1, 3, figsize=(11, 3.0), layout="constrained")
for seed, ax in enumerate(axes):
    GateWeightsDisplay.from_estimator(nets["MMoE", seed], table(seed)[2], ax=ax)
    ax.set_title(f"table {seed}")
plt.show()

# %%
# How different are two tasks in what they use? Half the sum of the absolute differences of their mean gates is 0
# if they use the experts alike, and 1 if they have none in common. Three tables are few; here are five more.
pairs = {
    "within a pair": [("a1", "a2"), ("b1", "b2")],
    "across pairs": [("a1", "b1"), ("a1", "b2"), ("a2", "b1"), ("a2", "b2")],
}


def distances(net, X):
    """Compare the mean gates of tasks within and across pairs."""
    gates = net.gate_weights(X).mean().unstack("task")
    return {
        which: np.mean([(gates[a] - gates[b]).abs().sum() / 2 for a, b in tasks])
        for which, tasks in pairs.items()
    }


nets |= {("MMoE", seed): train("MMoE", seed) for seed in range(3, 8)}
differences = pd.DataFrame(
    [distances(nets["MMoE", seed], table(seed)[2]) for seed in range(8)]
)
print(differences.rename_axis("table").round(2).to_string())

# %%
# The gates show the pairs: on all eight tables the tasks of a pair are closer to each other than to those of the
# other pair, on average 0.1 within a pair and 0.4 across. But on some tables the margin is small, so one heat map
# does not prove that tasks are related or unrelated. It takes several fits.
#
# As for the scores: the small body does badly if all tasks share it, or if each task has its own and learns
# nothing from the other task of its pair. Shared experts are better for every task, on average over the tables.
# But hard sharing with the units of the four experts in one body is at least as good on average, and simpler. One
# explanation is that one wide layer has room for both pairs, and each head uses its part. Use a mixture if it
# beats the plain network on validation rows, not for its gates alone.
