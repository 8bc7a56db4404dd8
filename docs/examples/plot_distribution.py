"""
===============================
The distribution of each number
===============================

A prediction of a number is a mean. How far are labels from it? Where the noise differs from row to row, one
standard deviation of the residuals is too wide for some rows and too narrow for others. A network can learn the
distribution of each label instead. Here it does so for two tasks: a load, and a number of events.

The data is made, so the true noise is known.
"""

# %%
# The data
# --------
# The noise grows from left to right. A fifth of the counts are missing.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.metrics import crps, interval_coverage, interval_width, log_score
from sklearn_mtl.tasks import Count, Regression
from sklearn_mtl.trunks import MLP


def draw(n_rows, seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, n_rows)
    noise = 0.05 + 0.25 * np.exp(0.6 * x)
    load = np.sin(1.5 * x) + noise * rng.normal(size=n_rows)
    events = rng.negative_binomial(2, 2 / (2 + np.exp(0.5 * x))).astype(float)
    events[rng.random(n_rows) < 0.2] = np.nan
    return x[:, None], Targets(load=load, events=events), noise


X, y, _ = draw(1200, seed=0)
X_test, y_test, noise_test = draw(2000, seed=1)

# %%
# One deviation for all rows, or one for each
# -------------------------------------------
# ``predict_distribution`` returns an object with the methods of a distribution of scipy, for all rows at once.
params = {
    "trunk": MLP((64, 64), scaling="standard"),
    "n_members": 4,
    "max_epochs": 60,
    "random_state": 0,
}
plain = MultiTaskNetEstimator({"load": "regression", "events": "count"}, **params)
plain.fit(X[:900], y[:900])
residuals = y["load"][900:] - plain.predict(X[900:])["load"]

tasks = {"load": Regression(loss="normal"), "events": Count(loss="negative_binomial")}
net = MultiTaskNetEstimator(tasks, **params).fit(X, y)
found = net.predict_distribution(X_test)
found["load"]

# %%
# The continuous ranked probability score compares a distribution with a label, in the units of the label. It is
# the absolute error where a distribution is a single number. Smaller is better.
laws = {
    "residuals": stats.norm(plain.predict(X_test)["load"], residuals.std()),
    'loss="normal"': found["load"],
    "truth": stats.norm(np.sin(1.5 * X_test[:, 0]), noise_test),
}
rows = {}
for name, law in laws.items():
    ends = law.interval(0.9)
    right = X_test[:, 0] > 1.5
    rows[name] = {
        "CRPS": crps(y_test["load"], law),
        "log score": log_score(y_test["load"], law),
        "coverage of 90%": interval_coverage(y_test["load"], *ends),
        "on the right": interval_coverage(
            y_test["load"][right], *(end[right] for end in ends)
        ),
        "width": interval_width(y_test["load"], *ends),
    }
print(pd.DataFrame(rows).T.round(3).to_string())

# %%
# Bands of quantiles
# ------------------
# Quantiles of a row never cross. The dashed lines are the true ones.
grid = np.linspace(-3, 3, 200)[:, None]
levels = [0.05, 0.25, 0.5, 0.75, 0.95]
quantiles = net.predict_quantiles(grid, levels, tasks=["load"])["load"]
spread = 0.05 + 0.25 * np.exp(0.6 * grid)
true = np.sin(1.5 * grid) + spread * stats.norm.ppf(levels)
centre = plain.predict(grid)["load"]
fig, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", sharey=True)
axes[0].fill_between(
    grid[:, 0],
    *(centre + residuals.std() * stats.norm.ppf(q) for q in (0.05, 0.95)),
    color="tab:orange",
    alpha=0.3,
    label="90%",
)
axes[0].plot(grid, centre, color="tab:orange")
axes[0].set(title="one deviation of residuals", ylabel="load")
for low, label in ((0, "90%"), (1, "50%")):
    axes[1].fill_between(
        grid[:, 0],
        quantiles[:, low],
        quantiles[:, -1 - low],
        color="tab:blue",
        alpha=0.3,
        label=label,
    )
axes[1].plot(grid, quantiles[:, 2], color="tab:blue")
axes[1].set(title='loss="normal"')
for ax in axes:
    ax.plot(X[:, 0], y["load"], ".", color="0.6", markersize=2, zorder=0)
    ax.plot(grid, true[:, [0, -1]], "--", color="0.2", linewidth=1)
    ax.set(xlabel="x")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="upper left")
plt.show()

# %%
# What varies, and what the network does not know
# -----------------------------------------------
# The learned deviation is what labels of equal inputs vary by. The networks of the ensemble differ most where
# there was nothing to learn from, here beyond the training rows.
outside = np.array([[-2.0], [2.0], [6.0]])
std = {
    kind: net.predict_std(outside, ["load"], kind=kind)["load"]
    for kind in ("aleatoric", "epistemic", "total")
}
print(pd.DataFrame(std, index=["x = -2", "x = 2", "x = 6"]).round(2).to_string())

# %%
# Counts have a distribution too: the probability of no event, and of more than five.
events = net.predict_distribution(outside[:2], ["events"])["events"]
print(
    "no event:", events.pmf(0).round(2), "more than five:", (1 - events.cdf(5)).round(2)
)
