"""
===============
Missing numbers
===============

Measurements are often missing, and rarely at random: a value out of range is not recorded, or a test that nobody
doubts is not ordered. Here numbers of a medical table are removed in two ways,

* **at random**, each with the same probability;
* **where they are large**: mostly those of the upper third of a column;

and two targets are learned: the **diagnosis** of a tumour, a class, and its **worst radius**, a number.
"""

# %%
# Two ways to learn from the rest
# -------------------------------
# The network accepts NaN: it replaces the number by the median of the column, and adds an input that indicates
# that it was missing. ``SimpleImputer()`` replaces it by the mean, without an indicator.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_mtl import MultiTaskNetEstimator

table = load_breast_cancer(as_frame=True)
X = table.data.filter(like="mean")
y = pd.DataFrame(
    {
        "diagnosis": table.target_names[table.target],
        "radius": table.data["worst radius"],
    }
)


def remove(X, how, share, rng):
    """Remove a share of the numbers of each column."""
    X = X.copy()
    for name in X:
        odds = np.ones(len(X))
        if how == "where they are large":
            odds = np.where(X[name].rank(pct=True) > 2 / 3, 1, 0.05)
        n_gone = round(share * len(X))
        gone = rng.choice(len(X), size=n_gone, replace=False, p=odds / odds.sum())
        X.loc[gone, name] = np.nan
    return X


def errors(model, X, train, test):
    """Return the share of wrong diagnoses, and the error of the radius, on test rows."""
    predicted = model.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test])
    true = y.iloc[test].reset_index(drop=True)
    wrong = predicted["diagnosis"].to_numpy() != true["diagnosis"].to_numpy()
    error = predicted["radius"].to_numpy() - true["radius"].to_numpy()
    return 100 * wrong.mean(), np.sqrt((error**2).mean())


measures = ["wrong diagnoses (%)", "error of the radius"]
runs = []
for how in ("at random", "where they are large"):
    for seed in range(4):
        train, test = train_test_split(
            np.arange(len(X)), test_size=0.4, random_state=seed
        )
        for share in (0.1, 0.2, 0.3):
            holey = remove(X, how, share, np.random.default_rng(seed))
            net = MultiTaskNetEstimator(
                max_epochs=25,
                early_stopping=False,
                random_state=seed,
                n_members=1,
            )
            ways = {
                "NaN in X": net,
                "SimpleImputer()": make_pipeline(SimpleImputer(), net),
            }
            for way, model in ways.items():
                runs.append(
                    [how, way, 100 * share, seed, *errors(model, holey, train, test)]
                )
runs = pd.DataFrame(runs, columns=["removed", "way", "missing (%)", "split", *measures])

# %%
# Results
# -------
# Means over the splits. Numbers are missing in the test rows too.
means = runs.pivot_table(
    index=["removed", "missing (%)"], columns="way", values=measures
)
print(means.round(2).to_string())

# %%
# A dot is a split.
figure, axes = plt.subplots(
    2, 2, figsize=(9, 6.4), sharex=True, sharey="row", layout="constrained"
)
colors = {"NaN in X": "tab:blue", "SimpleImputer()": "tab:orange"}
for column, (how, of_how) in enumerate(runs.groupby("removed")):
    axes[0, column].set_title(f"numbers removed {how}")
    axes[1, column].set_xlabel("missing numbers of each column (%)")
    for row, measure in enumerate(measures):
        ax = axes[row, column]
        for way, of_way in of_how.groupby("way"):
            side = (
                0.4 if way == "NaN in X" else -0.4
            )  # the dots of a share side by side
            ax.plot(
                of_way["missing (%)"] + side, of_way[measure], "o", color=colors[way],
                alpha=0.4, mew=0,
            )  # fmt: skip
            mean = of_way.groupby("missing (%)")[measure].mean()
            ax.plot(mean.index + side, mean, color=colors[way], label=way)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.92")
        ax.set_xticks([10, 20, 30])
for row, measure in enumerate(measures):
    axes[row, 0].set(ylabel=measure, ylim=(0, None))
axes[0, 0].legend(frameon=False)
plt.show()

# %%
# The radius is predicted better with NaN in X in each row of the table, for both ways of removing numbers. Of the
# diagnoses this cannot be said: the dots of both ways overlap. :doc:`/user_guide/missing_inputs` compares them on
# data sets whose numbers are really missing.
