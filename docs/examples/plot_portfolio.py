"""
================================
Which recipe suits which task
================================

For a table, an estimator without parameters trains a portfolio: several recipes, weighted for each task. This page
draws the weights, and compares the recipes with the portfolio.
"""

# %%
# Three tasks of one table
# ------------------------
# The wine data, with the cultivar as a class, and two of the measured numbers as targets.
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from sklearn_mtl import MultiTaskNetEstimator, Portfolio, recommended_recipes

X, cultivar = load_wine(return_X_y=True, as_frame=True)
y = X[["alcohol", "color_intensity"]].assign(cultivar=cultivar)
X = X.drop(columns=["alcohol", "color_intensity"])
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

net = MultiTaskNetEstimator(random_state=0).fit(X_train, y_train)
weights = pd.DataFrame(net.recipe_weights_).T
print(weights.round(2).to_string())
print("weight of the recipes that share layers:", net.shared_weights_)

# %%
# Each recipe alone
# -----------------
# A portfolio of one recipe is that recipe. No recipe is the best for all tasks, and nobody knows beforehand which
# one suits a task: the members predict the rows that they held out, and these predictions decide.
recipes = recommended_recipes(*X_train.shape, n_tasks=3)
scores = {"portfolio": net.score_tasks(X_test, y_test)}
for name, recipe in recipes.items():
    alone = MultiTaskNetEstimator(ensemble=Portfolio({name: recipe}), random_state=0)
    scores[name] = alone.fit(X_train, y_train).score_tasks(X_test, y_test)
scores = pd.DataFrame(scores).T
print(scores.round(3).to_string())

# %%
# The left plot shows the weights, the right one R2 and accuracy on the test rows.
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
start = pd.Series(0.0, index=weights.index)
for recipe in weights:
    left.barh(weights.index, weights[recipe], left=start, label=recipe)
    start += weights[recipe]
left.set(xlabel="weight", xlim=(0, 1))
left.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1))
for row, task in enumerate(scores):
    for number, recipe in enumerate(weights):
        right.plot(scores.loc[recipe, task], row, "o", color=f"C{number}", alpha=0.8)
    right.plot(scores.loc["portfolio", task], row, "|", color="black", markersize=26)
right.set(
    yticks=range(len(scores.columns)),
    yticklabels=scores.columns,
    xlabel="score of each recipe; the line is the portfolio",
)
for axes in (left, right):
    axes.spines[["right", "top"]].set_visible(False)
plt.show()
