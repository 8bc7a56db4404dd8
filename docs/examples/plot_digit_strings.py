"""
====================================================
Digit strings: a class and a tag per digit, one net
====================================================

An image of a digit string has two targets: its digits **from left to right**, and the **largest** of them. The
first is sequence tagging, with a label for each position; the second is classification of the whole image. One
convolutional network learns both.

The strings have up to four digits. The tags of a shorter string end in -1, a missing label that is neither trained
nor scored. The largest digit is known only for every fifth image; the others train the tags.
"""

# %%
# The images
# ----------
# They are made from the handwritten digits of scikit-learn, with noise. No digit image is in both the training and
# the test strings.
import matplotlib.pyplot as plt
import numpy as np

from sklearn_mtl import Targets
from sklearn_mtl.datasets import make_digit_strings

X, y = make_digit_strings(1500, noise=0.15, subset="train", random_state=0)
X_test, y_test = make_digit_strings(500, noise=0.15, subset="test", random_state=1)
y = Targets(
    digits=y["digits"],
    largest=np.where(np.arange(len(X)) % 5 == 0, y["largest"], np.nan),
)
print(X.shape, X.dtype)
print(y["digits"][:3], y["largest"][:3])

# %%
# One network for both
# --------------------
# A `ConvNet` is the trunk. The tags are inferred from their form: an integer for each of four positions. The
# **focal loss** gives easy digits less weight. Each of the four positions is a quarter of the image, from left to
# right.
from sklearn_mtl import MultiTaskNetEstimator, Optimizer
from sklearn_mtl.tasks import Classification, SequenceTagging
from sklearn_mtl.trunks import ConvNet

net = MultiTaskNetEstimator(
    tasks={"digits": SequenceTagging(loss="focal"), "largest": Classification()},
    trunk=ConvNet(channels=(16, 32, 32)),
    batch_size=32,
    max_epochs=15,
    optimizer=Optimizer(schedule="cosine"),
    early_stopping=False,
    random_state=0,
)

# %%
# The task weights are hyperparameters. The candidates of this grid are stacked.
from sklearn.model_selection import KFold

from sklearn_mtl.model_selection import TaskWeightSearchCV

search = TaskWeightSearchCV(
    net,
    {"task_weights": [{"digits": w, "largest": 2 - w} for w in (0.5, 1.0, 1.5)]},
    cv=KFold(2, shuffle=True, random_state=0),
)
search.fit(X, y)
for weights, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    print(weights["task_weights"], f"mean score {score:.3f}")

# %%
# Comparison with two networks
# ----------------------------
# The baseline is the same trunk, fitted once per task.
from sklearn.base import clone
from sklearn.metrics import f1_score, log_loss


def report(name, nets):
    """Print loss, accuracy and F1 of the digits and of the largest one, on the test strings."""
    proba = {task: fitted.predict_proba(X_test)[task] for task, fitted in nets.items()}
    predicted = {task: fitted.predict(X_test)[task] for task, fitted in nets.items()}
    there = {"digits": y_test["digits"] >= 0, "largest": np.full(len(X_test), True)}
    for task, where in there.items():
        true, pred = y_test[task][where], predicted[task][where]
        loss = log_loss(true, proba[task][where], labels=np.arange(10))
        macro = f1_score(true, pred, average="macro")
        print(
            f"{name:13s}{task:10s}loss {loss:.3f}  accuracy {np.mean(true == pred):.3f}  F1 {macro:.3f}"
        )


one = search.best_estimator_
report("one network", {"digits": one, "largest": one})
two = {
    task: clone(net)
    .set_params(tasks={task: net.tasks[task]})
    .fit(X, Targets({task: y[task]}))
    for task in y
}
report("two networks", two)

# %%
# To find the largest digit, the network has to read the digits. There are many labels of the digits, so the class
# gains from the tags. The tags do not gain from the class, and lose a little.

# %%
# Learning curves and predictions
# -------------------------------
history = one.history_
predicted = one.predict(X_test)
fig, axes = plt.subplot_mosaic(
    [["loss", f"{i}"] for i in range(5)],
    width_ratios=[1.2, 1],
    figsize=(9, 4.5),
    layout="constrained",
)
for task, color in (("digits", "C0"), ("largest", "C1")):
    axes["loss"].plot(
        history.index, history[f"train_loss__{task}"], color=color, label=task
    )
axes["loss"].set(
    xlabel="epoch",
    ylabel="training loss",
    title="One network learns both",
    ylim=(0, None),
)
axes["loss"].legend()
for row in range(5):
    ax = axes[f"{row}"]
    ax.imshow(X_test[row], cmap="gray_r", aspect="equal")
    n_digits = int((y_test["digits"][row] >= 0).sum())
    for place in range(n_digits):
        right = predicted["digits"][row, place] == y_test["digits"][row, place]
        ax.text(
            8 * place + 3.5,
            9.8,
            predicted["digits"][row, place],
            color="C0" if right else "C3",
            ha="center",
        )
    right = predicted["largest"][row] == y_test["largest"][row]
    ax.text(
        33,
        4,
        f"largest: {predicted['largest'][row]:.0f}",
        color="C1" if right else "C3",
        va="center",
    )
    ax.set_axis_off()
plt.show()
