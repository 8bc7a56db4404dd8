"""
==============================
How good are the defaults?
==============================

A network should be as good as a random forest or gradient boosting with one model per target. This page compares
the default with these models on all stored data sets, and shows how an ensemble works with few rows.
"""

# %%
# All data sets
# -------------
# ``benchmarks/quality.py`` fits every contender to several splits of each data set, and stores all scores: R2 for
# numbers, the area under the ROC curve for classes. Here the scores are read, and the contenders are ranked in
# each task.
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import studentized_range

home = next(
    folder
    for folder in [Path.cwd(), *Path.cwd().parents]
    if (folder / "benchmarks").is_dir()
)
scores = pd.concat(
    pd.DataFrame(kept["records"]).assign(data=path.stem, contender=contender)
    for path in sorted((home / "benchmarks" / "results" / "quality").glob("*.json"))
    for contender, kept in json.loads(path.read_text()).items()
)
shown = [
    "ours",
    "random forest",
    "gradient boosting",
    "sklearn MLP",
    "ridge / logistic",
]
by_task = scores.pivot_table(
    index=["data", "task"], columns="contender", values="score"
)[shown].dropna()
scores = scores[scores["data"].isin(by_task.index.get_level_values("data"))]
ranks = by_task.rank(axis=1, ascending=False).groupby("data").mean()
print(ranks.round(1).to_string())

# %%
# The mean rank over the data sets is drawn with the *critical difference* of Nemenyi's test: contenders joined by
# a bar do not differ significantly (Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR
# 2006). The lower plot shows the difference to the better of the two tree ensembles.
n_data, n_contenders = ranks.shape
critical = studentized_range.ppf(0.95, n_contenders, np.inf) * np.sqrt(
    n_contenders * (n_contenders + 1) / (12 * n_data)
)
mean_ranks = ranks.mean().sort_values()

splits = scores.pivot_table(
    index=["data", "split"], columns="contender", values="score"
)
trees = (
    splits[["random forest", "gradient boosting"]].groupby("data").mean().idxmax(axis=1)
)
better = pd.Series(
    [splits.loc[row, trees[row[0]]] for row in splits.index], index=splits.index
)
gain = (
    (splits["ours"] - better).groupby("data").agg(["mean", "sem"]).sort_values("mean")
)

colors = {name: "tab:blue" if name.startswith("ours") else "0.45" for name in shown}
figure, (top, bottom) = plt.subplots(
    2, 1, figsize=(8, 7.5), height_ratios=[1, 1.5], layout="constrained"
)
for row, (name, rank) in enumerate(mean_ranks.items()):
    top.plot(rank, row, "o", color=colors[name])
    top.annotate(
        name,
        (rank, row),
        (8, 0),
        textcoords="offset points",
        va="center",
        color=colors[name],
    )
top.plot(
    [mean_ranks.iloc[0], mean_ranks.iloc[0] + critical],
    [-0.8, -0.8],
    color="black",
    linewidth=3,
)
top.annotate(
    "critical difference",
    (mean_ranks.iloc[0] + critical, -0.8),
    (8, 0),
    textcoords="offset points",
    va="center",
)
top.set(
    xlim=(1, n_contenders),
    ylim=(n_contenders - 0.4, -1.4),
    yticks=[],
    xlabel="mean rank, 1 is best",
)
top.spines[["left", "right", "top"]].set_visible(False)
bottom.axvline(0, color="0.7", linewidth=1)
bottom.errorbar(
    gain["mean"], gain.index, xerr=gain["sem"], fmt="o", color="tab:blue", capsize=3
)
bottom.set_xscale("symlog", linthresh=0.01)
bottom.set(
    xlabel="the default minus the better of the trees: R2 or AUC, mean and standard error"
)
bottom.spines[["right", "top"]].set_visible(False)
plt.show()

# %%
# Few rows
# --------
# Early stopping needs validation rows, which are then missing in training. The members of an ensemble hold out
# different rows: **this is a cross-validation of the number of epochs**, and all members stop at the epoch with
# the best mean. The example has 120 rows of the wine data, with a class and two numbers as targets.
from sklearn.datasets import load_wine

from sklearn_mtl import MultiTaskNetEstimator

X, cultivar = load_wine(return_X_y=True, as_frame=True)
y = X[["alcohol", "color_intensity"]].assign(cultivar=cultivar)
X = X.drop(columns=y.columns[:2])
order = np.random.default_rng(0).permutation(len(X))
train, test = order[:120], order[120:]

ensemble = MultiTaskNetEstimator(n_members=8, random_state=0).fit(
    X.iloc[train], y.iloc[train]
)
single = MultiTaskNetEstimator(random_state=0, n_members=1).fit(
    X.iloc[train], y.iloc[train]
)
print(
    "R2 and accuracy of the ensemble:", ensemble.score_tasks(X.iloc[test], y.iloc[test])
)
print(
    "R2 and accuracy of one network: ", single.score_tasks(X.iloc[test], y.iloc[test])
)

# %%
# With twelve validation rows per member, the curves of the members are far apart. The mean determines when to
# stop.
losses = ensemble.history_.reset_index().pivot(
    index="epoch", columns="member", values="valid_loss"
)
mean = losses.mean(axis=1)

figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
axes.plot(losses, color="tab:blue", alpha=0.3, linewidth=1)
axes.plot(mean, color="tab:blue", linewidth=2.5)
axes.plot(mean.idxmin(), mean.min(), "o", color="black")
axes.annotate(
    f"all stop here, at epoch {mean.idxmin()}", (mean.idxmin(), mean.min()), (0, 40),
    textcoords="offset points", ha="center", arrowprops={"arrowstyle": "-"},
)  # fmt: skip
for member, best in losses.idxmin().items():
    axes.plot(best, losses.loc[best, member], "|", color="tab:blue", markersize=12)
axes.set(xlabel="epoch", ylabel="validation loss", ylim=(0, losses.iloc[2].max()))
axes.spines[["right", "top"]].set_visible(False)
axes.set_title(
    "One line per network, on rows of its own; | marks its own best epoch",
    loc="left",
    fontsize=10,
)
plt.show()
