"""
========================================
Two tasks that compete: the Pareto front
========================================

The tasks of a small network compete for its units: one task gets better as the other gets worse. The task weights
are then a choice and not only numbers to tune. The search shows the possible trade-offs.

The rows are scikit-learn's 1,797 handwritten digits of 8 x 8 pixels. One task is the **digit**, a class. The other
is its **slant**, a number: how far the ink leans to one side, computed from the same pixels. The trunk has only
six hidden units, so that the tasks compete for them.
"""

# %%
# The tasks
# ---------
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_mtl import MultiTaskNetEstimator, Targets

digits = load_digits()
X, images = digits.data, digits.images
row, column = np.mgrid[:8, :8]


def average(values):
    """Average over the pixels of each image, weighted by their ink."""
    return (images * values).sum(axis=(1, 2)) / images.sum(axis=(1, 2))


from_middle_row = row - average(row)[:, None, None]
from_middle_column = column - average(column)[:, None, None]
slant = average(from_middle_row * from_middle_column)

y = Targets(digit=digits.target, slant=slant)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# The search
# ----------
# The weight of the digit is 1, and the weight of the slant goes from 0.01 to 100. Each of the 13 candidates is
# fitted to three folds.
from sklearn_mtl.model_selection import MultiTaskStratifiedKFold, TaskWeightSearchCV
from sklearn_mtl.trunks import MLP

network = MultiTaskNetEstimator(
    trunk=MLP(hidden_sizes=(6,), scaling="standard"),
    learning_rate=0.01,
    batch_size=64,
    max_epochs=30,
    early_stopping=False,
    random_state=0,
)
grid = {"task_weights__slant": np.geomspace(0.01, 100, 13).tolist()}
cv = MultiTaskStratifiedKFold(3, shuffle=True, random_state=0)
search = TaskWeightSearchCV(network, grid, cv=cv).fit(X_train, y_train)

# %%
# The front
# ---------
# Accuracy of the digit and R2 of the slant, means over the validation folds. For each grey candidate, a blue one
# is at least as good on both tasks and better on one. Between two blue candidates, one task gains and the other
# loses; the line bounds the reachable scores. The search has refitted the candidate with the best mean of both
# scores.
import matplotlib.pyplot as plt

from sklearn_mtl.inspection import ParetoFrontDisplay

display = ParetoFrontDisplay.from_search(search)
display.figure_.suptitle("Digits and their slant with six hidden units")
plt.show()

# %%
# Another choice
# --------------
# Suppose that at least 88 of 100 digits have to be correct on the validation folds, and that the slant should be
# as good as possible under this constraint. No new search is needed: ``select`` fits this candidate of the front.
# The test rows were not used before.
careful = search.select(X_train, y_train, maximize="slant", constraint={"digit": 0.88})
slanted = search.select(X_train, y_train, maximize="slant")

chosen = {
    "best mean": search.best_estimator_,
    "digit at least 0.88": careful,
    "slant only": slanted,
}
print("on the test rows        weight of slant   digit   slant")
for purpose, model in chosen.items():
    scores = model.score_tasks(X_test, y_test)
    weight = model.task_weights["slant"]
    print(f"{purpose:24}{weight:15.2f}{scores['digit']:8.3f}{scores['slant']:8.3f}")

# %%
# More tasks
# ----------
# With a third task, how **wide** the ink is spread, a grid is too large, so weights with the same sum are sampled.
# Each candidate is a line over one axis per task; the axes go from the worst score to the best. Lines that cross
# between two axes are candidates that trade one task for the other.
from sklearn_mtl.model_selection import TaskWeightRandomSearchCV, task_weight_simplex

width = average(from_middle_column**2)
y3 = Targets(digit=digits.target, slant=slant, width=width)
candidates = {"task_weights": task_weight_simplex(y3, alpha=0.5)}
search3 = TaskWeightRandomSearchCV(
    network, candidates, n_iter=30, cv=cv, random_state=0, refit=False
).fit(X, y3)

chosen3 = search3.choose(constraint={"digit": 0.88})
display = ParetoFrontDisplay.from_search(search3, chosen=chosen3)
display.figure_.suptitle("Three tasks; chosen: the best mean with digit at least 0.88")
plt.show()
