"""
===========================
Intervals and sets of tasks
===========================

A network reads the left half of the image of a handwritten digit. It predicts which digit it is, and how much ink
is in the right half. Neither can be certain. Conformal prediction adds a set of digits and an interval of ink that
hold the truth with a chosen probability.
"""

# %%
# Fit and calibrate
# -----------------
# Every third label of the ink is missing. The sets need no rows beside those of the fit: the members of the
# ensemble held out different rows, and each row is scored by the members that did not learn it.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.inspection import (
    CoverageDisplay,
    ReliabilityDisplay,
    SelectiveDisplay,
)
from sklearn_mtl.trunks import MLP
from sklearn_mtl.uncertainty import CalibratedMultiTask, ConformalMultiTask

images, digit = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8)
X, ink = images[:, :, :4].reshape(len(images), -1), images[:, :, 4:].sum(axis=(1, 2))
known = np.where(np.arange(len(ink)) % 3 == 0, np.nan, ink)
train, rest = train_test_split(np.arange(len(X)), test_size=0.5, random_state=0)
tune, test = np.array_split(rest, 2)

learner = MultiTaskNetEstimator(
    tasks={"ink": "regression"},
    trunk=MLP((64,)),
    n_members=4,
    max_epochs=30,
    early_stopping=True,
    random_state=0,
)
conformal = ConformalMultiTask(learner, confidence_level=0.9)
conformal.fit(X[train], Targets(digit=digit[train], ink=known[train]))
print(conformal.n_calibration_)

# %%
# Sets of some images
# -------------------
# A set has several digits where the left half leaves a doubt.
sets = conformal.predict_set(X[test])
_, axes = plt.subplots(2, 5, figsize=(9, 4.4), layout="constrained")
order = np.argsort(sets["digit"].sum(axis=1), kind="stable")
for place, ax in zip(
    np.linspace(0, len(test) - 1, 10).astype(int), axes.flat, strict=True
):
    row = order[place]
    shown = images[test[row]].copy()
    shown[:, 4:] *= 0.35  # what the network does not see
    digits = ", ".join(map(str, np.flatnonzero(sets["digit"][row])))
    low, high = sets["ink"][row]
    ax.imshow(shown, cmap="gray_r", vmin=0, vmax=16)
    ax.set(xticks=[], yticks=[])
    ax.set_title(f"{{{digits}}}\nink {low:.0f} to {high:.0f}", fontsize="small")

# %%
# Do they cover?
# --------------
# Coverage of images that were neither learned nor held out.
truth = Targets(digit=digit[test], ink=ink[test])
print(conformal.score_sets(X[test], truth).round(3))

# %%
# Coverage and certainty
# ----------------------
# The left picture shows coverage by level. The middle one shows whether probabilities agree with frequencies,
# before and after a temperature; the right one how the errors fall if the least certain predictions are withheld.
# The network knows which digits it may get wrong; the spread of its four members says nothing of the errors of the
# ink.
tuned = Targets(digit=digit[tune], ink=ink[tune])
calibrated = CalibratedMultiTask(conformal.net_).calibrate(X[tune], tuned)
curves = {}
for name, net in {"network": conformal, "with a temperature": calibrated}.items():
    display = ReliabilityDisplay.from_estimator(net, X[test], truth)
    plt.close(display.figure_)
    curves[name] = display.curves["digit"]
_, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
CoverageDisplay.from_estimator(conformal, X[test], truth, ax=axes[0])
ReliabilityDisplay(curves).plot(ax=axes[1])
SelectiveDisplay.from_estimator(conformal, X[test], truth, ax=axes[2])
for ax, title in zip(
    axes, ["coverage of sets", "probabilities", "certainty"], strict=True
):
    ax.set_title(title)
plt.show()

# %%
# All tasks at once
# -----------------
# With ``joint="max"`` the set and the interval are both right with the probability of 0.9, for larger sets.
together = ConformalMultiTask(learner, 0.9, joint="max")
together.fit(X[train], Targets(digit=digit[train], ink=known[train]))
print(together.score_sets(X[test], truth).round(3))
