"""
==================================
Early stopping when labels are few
==================================

Early stopping needs validation rows. If most labels of a task are missing, rows that are drawn at random may
include none of its labels, or most of them. So **the split counts labels, not rows**: the labels of each task and
each class are split in proportion.

The rows are patients with diabetes. The blood pressure is known for all patients, the progression of the disease
for few.
"""

# %%
# Random validation rows
# ----------------------
# Of 300 patients, 15 have a label. If a tenth of the patients is drawn at random, the number of labels held out
# has this distribution:
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
# In one case of five no label would be held out. ``fit`` always holds out one or two.
#
# Scores
# ------
# An ensemble of four networks learns the progression alone, and together with the blood pressure. An ensemble
# stops early from ten labels on, a single network from a hundred on. Each of the four members holds out different
# labels, so that together they learn from all labels.
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
# With ten labels the score depends strongly on which ten they are. From thirty labels on, every draw gives a
# useful score. The blood pressure neither helps nor harms much.
#
# Tasks that cannot be validated
# ------------------------------
# A task with a single label is trained, but has no label for validation. A warning names it.
y = Targets(progression=keep(1, 0), pressure=pressure.to_numpy())
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    MultiTaskNetRegressor(max_epochs=5, random_state=0, n_members=1).fit(X_train, y)
for warning in said:
    print(warning.message)
