"""
========================================
Two tasks that compete: the Pareto front
========================================

A network that is small for its tasks has to share itself between them: one gets better as the other gets worse.
How much each task should count is then a choice and not only a number to tune. The search shows what can be
chosen from.

The rows are scikit-learn's 1,797 handwritten digits of 8 x 8 pixels. One task is to read the **digit**, a class.
The other is its **slant**, a number: how far the ink leans to one side, computed from the same pixels. The trunk
has six hidden units only, so that the tasks compete for them.
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
# The weight of the digit stays 1, that of the slant goes from a hundredth to a hundred. Each of the 13 candidates
# is fitted to three folds.
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
# Accuracy of the digit and R2 of the slant, means over the validation folds. A grey candidate is matched on both
# tasks by one of the blue ones, and beaten on one. From one blue candidate to the next a task wins and the other
# loses; the line bounds what can be had. The search has refitted the candidate with the best mean of both scores.
import matplotlib.pyplot as plt

from sklearn_mtl.inspection import ParetoFrontDisplay

display = ParetoFrontDisplay.from_search(search)
display.figure_.suptitle("Digits and their slant with six hidden units")
plt.show()

# %%
# Another choice
# --------------
# Say the digits matter, and at least 88 of 100 have to be read on the validation folds; within that, the slant
# should be as good as it can be. No new search is needed for that: ``select`` fits the candidate of the front that
# was found to do so. The test rows were not used for anything before.
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
# A third task, how **wide** the ink is spread, makes a grid too large: weights are sampled instead, all with the
# same sum. The candidates become lines over one axis per task, from the worst score among them to the best. Lines
# that cross between two axes are candidates that trade one task for the other.
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
