"""
==================================
Early stopping when labels are few
==================================

Early stopping needs rows to validate on. Where most labels of a task are missing, rows
that are drawn at random may hold out none of its labels, or most of them. So **labels
count, not rows**: each task has its share of labels on both sides, and so has each class.

The rows are patients with diabetes. The blood pressure of every patient is known, the
progression of the disease for few.
"""

# %%
# What chance would do
# --------------------
# Of 300 patients, 15 have a label. A tenth of the patients, drawn at random, holds out so
# many of the 15 labels:
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import hypergeom
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from sklearn_mtl import MultiTaskNetRegressor, Targets

by_chance = hypergeom(300, 15, 30).pmf(range(6))
print(pd.Series(by_chance, name="probability").rename_axis("labels held out").round(3))

# %%
# In one case of five there would be nothing to watch. ``fit`` always holds out one or two.
#
# What is learned
# ---------------
# The progression is learned alone, and beside the blood pressure, by an ensemble of four
# networks. An ensemble stops early from ten labels on, a single network from a hundred on.
# Each of the four holds out other labels, so that together they learn from all.
X, progression = load_diabetes(return_X_y=True, as_frame=True)
pressure, X = X["bp"], X.drop(columns="bp")
X_train, X_test, pressure, _, progression, truth = train_test_split(
    X, pressure, progression, test_size=142, random_state=0
)


def keep(n_labels, seed):
    """Keep some of the labels of the progression."""
    known = np.random.default_rng(seed).permutation(len(X_train))[:n_labels]
    few = np.full(len(X_train), np.nan)
    few[known] = progression.iloc[known]
    return few


def test_score(n_labels, seed, second):
    """Learn from some labels; return R2 of the progression on the test rows."""
    y = Targets(progression=keep(n_labels, seed), **second)
    net = MultiTaskNetRegressor(n_members=4, random_state=seed).fit(X_train, y)
    predicted = net.predict(X_test)
    return net.score_tasks(X_test, {**predicted, "progression": truth})["progression"]


counts, seeds = [10, 30, 100, 240], range(4)
ways = {"alone": {}, "beside the blood pressure": {"pressure": pressure.to_numpy()}}
scores = {
    name: np.array([[test_score(n, seed, second) for seed in seeds] for n in counts])
    for name, second in ways.items()
}

figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
for (name, found), marker in zip(scores.items(), "os", strict=True):
    (line,) = axes.plot(counts, np.median(found, axis=1), marker=marker, label=name)
    axes.fill_between(
        counts, found.min(axis=1), found.max(axis=1), alpha=0.15, color=line.get_color()
    )
axes.set(
    xscale="log",
    xlabel="labels of the progression among 300 rows",
    ylabel="R$^2$ of the progression on test rows",
    title="Median and range of four drawings of the labels",
)
axes.set_xticks(counts, counts)
axes.minorticks_off()
axes.axhline(0, color="0.7", linewidth=0.8)
axes.legend(loc="lower right")

# %%
# With ten labels chance rules: what is learned depends on which ten they are. From thirty
# on every drawing learns something. The blood pressure neither helps nor harms much.
#
# What cannot be watched is said
# ------------------------------
# A task with a single label is trained, but no label is left to validate it on. The
# warning names it.
y = Targets(progression=keep(1, 0), pressure=pressure.to_numpy())
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    MultiTaskNetRegressor(max_epochs=5, random_state=0).fit(X_train, y)
for warning in said:
    print(warning.message)
