"""
=============================================
Rare classes: calibration and the threshold
=============================================

A network learns two targets of the same rows: whether a payment is **fraud**, 3 % of the rows, and its **amount**.
At the usual threshold of 0.5 the network hardly ever predicts fraud. A view of the task makes it a classifier of
scikit-learn, which can be calibrated, and whose threshold can be chosen.
"""

# %%
# The rows
# --------
# The data is simulated. A part of the training rows is held out, for calibration and for the threshold.
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV, CalibrationDisplay
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import brier_score_loss, f1_score
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.tasks import Classification

rng = np.random.default_rng(0)
X = rng.normal(size=(20000, 8))
log_odds = -4.6 + 1.2 * X[:, 0] + 0.8 * X[:, 1] * X[:, 2]
fraud = (rng.random(len(X)) < expit(log_odds)).astype(int)
amount = 100 + 20 * X[:, 0] + 10 * X[:, 1] + rng.normal(size=len(X))
y = Targets(fraud=fraud, amount=amount)
X_rest, X_test, y_rest, y_test = train_test_split(
    X, y, test_size=0.4, stratify=fraud, random_state=0
)
X_train, X_tune, y_train, y_tune = train_test_split(
    X_rest, y_rest, test_size=0.3, stratify=y_rest["fraud"], random_state=0
)

# %%
# Two networks
# ------------
# One counts all rows alike, the other gives both classes the same weight in the loss. The probabilities of the
# second are far too large, since it was told that half of the payments are fraud. Calibration on the rows held out
# corrects them.
plain = MultiTaskNetEstimator(max_epochs=15, random_state=0, n_members=1).fit(
    X_train, y_train
)
balanced = MultiTaskNetEstimator(
    tasks={"fraud": Classification(class_weight="balanced")},
    max_epochs=15,
    random_state=0,
    n_members=1,
).fit(X_train, y_train)
calibrated = CalibratedClassifierCV(
    FrozenEstimator(balanced.task_view("fraud")), method="isotonic"
).fit(X_tune, y_tune["fraud"])

classifiers = {
    "no weights": (plain.task_view("fraud"), "0.35"),
    "balanced weights": (balanced.task_view("fraud"), "tab:red"),
    "balanced, calibrated": (calibrated, "tab:blue"),
}

# %%
# For each, the threshold with the best F1 on the rows held out:
tuned = {
    name: TunedThresholdClassifierCV(
        FrozenEstimator(classifier),
        scoring="f1",
        cv="prefit",
        refit=False,
        store_cv_results=True,
    ).fit(X_tune, y_tune["fraud"])
    for name, (classifier, _) in classifiers.items()
}
truth = y_test["fraud"]
print(f"{'':22}{'Brier score':>12}{'F1 at 0.5':>12}{'F1, tuned':>12}{'threshold':>12}")
for name, (classifier, _) in classifiers.items():
    brier_score = brier_score_loss(truth, classifier.predict_proba(X_test)[:, 1])
    f1 = [f1_score(truth, one.predict(X_test)) for one in (classifier, tuned[name])]
    threshold = tuned[name].best_threshold_
    print(f"{name:22}{brier_score:12.3f}{f1[0]:12.3f}{f1[1]:12.3f}{threshold:12.2f}")

# %%
# Left, the reliability curves on the test rows: the share of fraud by predicted probability. Right, F1 by
# threshold on the rows held out, in the same colours. Each curve has its maximum elsewhere; the maxima differ
# little.
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for name, (classifier, color) in classifiers.items():
    CalibrationDisplay.from_estimator(
        classifier,
        X_test,
        truth,
        n_bins=8,
        strategy="quantile",
        ax=left,
        name=name,
        color=color,
        markersize=4,
    )
    results = tuned[name].cv_results_
    right.plot(results["thresholds"], results["scores"], color=color)
    right.plot(tuned[name].best_threshold_, tuned[name].best_score_, "o", color=color)
right.axvline(0.5, color="0.8", linewidth=1, zorder=0)
left.set(
    xlabel="mean predicted probability",
    ylabel="share of fraud",
    ylim=(-0.01, 0.4),
    title="Reliability",
)
left.legend(frameon=False, loc="upper right")
right.set(
    xlabel="threshold",
    ylabel="F1 on rows held out",
    ylim=(0, None),
    title="The threshold",
)
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Back in the place of the task
# -----------------------------
# One estimator predicts both tasks, fraud by the calibrated probabilities and their threshold.
net = balanced.with_task("fraud", tuned["balanced, calibrated"])
predicted = net.predict(X_test)
print(f"F1 of fraud {f1_score(truth, predicted['fraud']):.3f}")
print(
    {name: round(score, 3) for name, score in net.score_tasks(X_test, y_test).items()}
)
