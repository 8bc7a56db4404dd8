"""
======================================
The Pareto front of metrics you choose
======================================

A rare class and a number are learned together. Accuracy says nothing about the class: never to predict it is right
for 85 of 100 rows. Here the class is judged by the area under the ROC curve, and the number by its mean absolute
error: in the search, in early stopping, and on the Pareto front.

The rows are scikit-learn's diabetes data. The class is whether the disease has progressed far, which it has for
about one patient in seven. The number is the body mass index, from the other columns.
"""

# %%
# The tasks
# ---------
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from sklearn_mtl import EarlyStopping, MultiTaskNetEstimator, Targets

data = load_diabetes(as_frame=True, scaled=False)
X = data.data.drop(columns="bmi")
y = Targets(severe=np.where(data.target >= 250, "yes", "no"), bmi=data.data["bmi"])
X_train, X_test, y_train, y_test = train_test_split(
    X, y, stratify=y["severe"], random_state=0
)
print(f"severe: {(y['severe'] == 'yes').mean():.3f} of {len(X)} rows")

# %%
# The search
# ----------
# The weight of the body mass index goes from 0.01 to 100. The scorer returns both metrics of the class and one of
# the number, with one pass through each network.
from sklearn_mtl.metrics import make_multitask_scorer
from sklearn_mtl.model_selection import MultiTaskStratifiedKFold, TaskWeightSearchCV
from sklearn_mtl.trunks import MLP

scorer = make_multitask_scorer(
    {"severe": ["roc_auc", "accuracy"], "bmi": "neg_mean_absolute_error"}
)
network = MultiTaskNetEstimator(
    trunk=MLP(hidden_sizes=(4,), scaling="standard"),
    learning_rate=0.01,
    batch_size=32,
    max_epochs=60,
    early_stopping=False,
    random_state=0,
)
grid = {"task_weights__bmi": np.geomspace(0.01, 100, 9).tolist()}
cv = MultiTaskStratifiedKFold(4, shuffle=True, random_state=0)
search = TaskWeightSearchCV(
    network, grid, scoring=scorer, refit="severe_roc_auc", cv=cv
).fit(X_train, y_train)

results = search.cv_results_
print("weight of bmi   accuracy   AUC     mean absolute error")
for number, weight in enumerate(grid["task_weights__bmi"]):
    accuracy, auc, error = (
        results[f"mean_test_{name}"][number]
        for name in ("severe_accuracy", "severe_roc_auc", "bmi_neg_mean_absolute_error")
    )
    print(f"{weight:13.2f}{accuracy:11.3f}{auc:8.3f}{-error:15.3f}")

# %%
# The front
# ---------
# The bars are one standard deviation over the four folds on either side. They are wide: a fold has about twelve
# rows of the rare class. The numbers beside the points are the weights of the task. Candidates whose bars overlap
# are not told apart by this search.
import matplotlib.pyplot as plt

from sklearn_mtl.inspection import LearningHistoryDisplay, ParetoFrontDisplay

metrics = ["severe_roc_auc", "bmi_neg_mean_absolute_error"]
display = ParetoFrontDisplay.from_search(
    search, metrics=metrics, error_bars=True, show_weights=True
)
display.figure_.suptitle("A rare class and a number, by metrics that were chosen")
plt.show()

# %%
# Another point of the front
# --------------------------
# The lowest error of the number for which the area under the curve is at most 0.03 below the best one:
best = results["mean_test_severe_roc_auc"].max()
model = search.select(
    X_train,
    y_train,
    metrics=metrics,
    maximize="bmi_neg_mean_absolute_error",
    constraint={"severe_roc_auc": best - 0.03},
)
print(f"weight of bmi: {model.task_weights['bmi']:.2f}")
for name, score in scorer(model, X_test, y_test).items():
    print(f"{name:30}{score:8.3f}")

# %%
# Early stopping by the area under the curve
# ------------------------------------------
# The same metrics can be those of the estimator. The history then has them for every epoch, on the validation
# rows, and early stopping watches the first of each task; here only the class counts.
stopped = MultiTaskNetEstimator(
    trunk=MLP(hidden_sizes=(16,), scaling="standard"),
    learning_rate=0.01,
    metrics={"severe": ["roc_auc", "average_precision"]},
    early_stopping=EarlyStopping(monitor="score", n_iter_no_change=20),
    score_weights={"bmi": 0.0},
    validation=0.25,
    random_state=0,
).fit(X_train, y_train)
LearningHistoryDisplay.from_estimator(stopped, tasks=["severe"])
plt.show()
