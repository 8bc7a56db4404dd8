"""
=================
Missing numbers
=================

Measurements are often missing, and rarely at random: a value that is out of range is not recorded, a test without
doubt about its result is not ordered. Here numbers of a medical table are removed in two ways,

* **at random**, each with the same probability;
* **where they are large**: mostly those of the upper third of a column;

and two targets are learned: the **diagnosis** of a tumour, a class, and its **worst radius**, a number.
"""

# %%
# Three ways
# ----------
# The network accepts NaN: it replaces the number by the median of the column, and adds an input that indicates
# that it was missing. ``SimpleImputer()`` replaces it by the mean, and the network does not learn that it was
# missing. The third way leaves out the columns with missing numbers, so it is the same for all shares. A third of
# the columns is always complete.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_mtl import MultiTaskNetEstimator

table = load_breast_cancer(as_frame=True)
X = table.data.filter(regex="mean|error").astype(float)
y = pd.DataFrame(
    {
        "diagnosis": table.target_names[table.target],
        "radius": table.data["worst radius"],
    }
)
spoiled = [name for name in X if "smoothness" not in name and "symmetry" not in name]
spoiled = spoiled[: 2 * len(spoiled) // 3]


def remove(X, how, share, rng):
    """Remove a share of the numbers of some columns."""
    X = X.copy()
    for name in spoiled:
        odds = np.ones(len(X))
        if how == "where they are large":
            odds = np.where(X[name].rank(pct=True) > 2 / 3, 1, 0.05)
        chosen = rng.choice(
            len(X), size=round(share * len(X) / 2), replace=False, p=odds / odds.sum()
        )
        X.loc[chosen, name] = np.nan
    return X


def net(seed):
    return MultiTaskNetEstimator(max_epochs=60, early_stopping=False, random_state=seed)


ways = {
    "NaN in X": lambda seed: net(seed),
    "SimpleImputer()": lambda seed: make_pipeline(SimpleImputer(), net(seed)),
}
hows, shares, seeds = ("at random", "where they are large"), (0.1, 0.3, 0.6), range(4)
runs = []
for how in hows:
    for seed in seeds:
        train, test = train_test_split(
            np.arange(len(X)), test_size=0.4, random_state=seed
        )
        for share in shares:
            holey = remove(X, how, share, np.random.default_rng(seed))
            for way, make in ways.items():
                model = make(seed).fit(holey.iloc[train], y.iloc[train])
                predicted = model.predict(holey.iloc[test])
                error = predicted["radius"] - y["radius"].iloc[test].to_numpy()
                wrong = (
                    predicted["diagnosis"].to_numpy()
                    != y["diagnosis"].iloc[test].to_numpy()
                )
                runs.append(
                    (
                        how,
                        way,
                        share / 2,
                        seed,
                        100 * wrong.mean(),
                        np.sqrt((error**2).mean()),
                    )
                )
columns = ["how", "way", "share", "seed", "wrong diagnoses (%)", "error of the radius"]
runs = pd.DataFrame(runs, columns=columns)

# %%
# Results
# -------
# Means over the splits, of the test rows, where numbers are missing too:
means = runs.groupby(["how", "share", "way"])[columns[-2:]].mean().unstack("way")
print(means.round(2).to_string())

# %%
figure, axes = plt.subplots(
    2, 2, figsize=(9, 6.4), sharex=True, sharey="row", layout="constrained"
)
colors = {"NaN in X": "tab:blue", "SimpleImputer()": "tab:orange"}
for column, how in enumerate(hows):
    for row, measure in enumerate(columns[-2:]):
        ax = axes[row, column]
        for way, color in colors.items():
            chosen = runs[(runs["how"] == how) & (runs["way"] == way)]
            ax.plot(
                100 * chosen["share"],
                chosen[measure],
                "o",
                color=color,
                alpha=0.35,
                mew=0,
            )
            mean = chosen.groupby("share")[measure].mean()
            ax.plot(100 * mean.index, mean, color=color, label=way)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.92")
    axes[0, column].set_title(how)
    axes[1, column].set_xlabel("missing numbers (% of a column)")
for row, measure in enumerate(columns[-2:]):
    axes[row, 0].set_ylabel(measure)
    axes[row, 0].set_ylim(bottom=0)
axes[0, 0].legend(frameon=False)
plt.show()
