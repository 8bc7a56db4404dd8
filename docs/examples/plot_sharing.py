"""
==================
Does sharing help?
==================

Three made data sets: in the first, twelve tasks have a hidden layer in common and few labels each; in the
second, each task has a hidden layer of its own, and all labels; in the third, five tasks have a hidden layer in
common, and sharing with them harms a task of another kind, which has all labels.
"""

# %%
# The data
# --------
import matplotlib.pyplot as plt
import numpy as np

from sklearn_mtl import MultiTaskNetRegressor, Targets
from sklearn_mtl.inspection import SharingDisplay, TaskAffinityDisplay
from sklearn_mtl.model_selection import (
    TaskGrouping,
    compare_sharing,
    sharing_report,
    task_affinity,
)
from sklearn_mtl.trunks import MLP

N_ROWS, N_COLUMNS = 400, 15


def hidden_layer(rng, X):
    return np.tanh(2 * X @ rng.normal(size=(N_COLUMNS, 3)) / np.sqrt(N_COLUMNS))


def target(rng, hidden, noise=0.4):
    signal = hidden @ rng.normal(size=hidden.shape[1])
    return signal / signal.std() + noise * rng.normal(size=len(hidden))


def few(rng, labels, share=0.15):
    """Keep a share of the labels."""
    return np.where(rng.random(len(labels)) < share, labels, np.nan)


rng = np.random.default_rng(0)
X = rng.normal(size=(N_ROWS, N_COLUMNS))
common = hidden_layer(rng, X)
data = {
    "a common layer": Targets(
        {f"t{i}": few(rng, target(rng, common)) for i in range(12)}
    ),
    "nothing in common": Targets(
        {f"t{i}": target(rng, hidden_layer(rng, X)) for i in range(6)}
    ),
    "one task of another kind": Targets(
        {f"t{i}": few(rng, target(rng, common)) for i in range(5)}
        | {"other": X[:, 0] * X[:, 1] + 0.1 * rng.normal(size=N_ROWS)}
    ),
}

# %%
# The comparison
# --------------
# A small network is compared with a network of the same size for each task, on the same ten folds. Bars are two
# standard errors on either side.
net = MultiTaskNetRegressor(
    trunk=MLP((16,), scaling="standard"), max_epochs=60, random_state=0
)
figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
for (name, y), ax in zip(data.items(), axes, strict=True):
    comparison = compare_sharing(net, X, y, cv=10, n_weights=0)
    print(f"{name}\n{sharing_report(comparison)}\n")
    SharingDisplay.from_comparison(comparison, ax=ax)
    ax.set(xlabel=f"gain in R2: {name}")
plt.show()

# %%
# Which task helps which
# ----------------------
# Cosines of gradients above 0 mean that two tasks pull the shared layers in one direction.
y = data["one task of another kind"]
affinity = task_affinity(net, X, y, method="gradient")
TaskAffinityDisplay.from_affinity(affinity)
plt.show()

# %%
# Groups
# ------
# `TaskGrouping` trains a network for each group, if that is better than one network for all.
grouping = TaskGrouping(net, affinity=affinity).fit(X, y)
print(grouping.groups_)
print({kind: round(score, 3) for kind, score in grouping.scores_.items()})
print(grouping.drop_redundant().round(2))
