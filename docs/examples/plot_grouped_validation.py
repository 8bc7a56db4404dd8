"""
=========================================
Early stopping where rows come in groups
=========================================

Several rows of one person are alike. A network that may validate on rows of a person it has trained on sees a
validation loss that falls and falls, while persons it has not seen are predicted worse and worse. ``fit`` with
``groups`` holds out whole persons.
"""

# %%
# Persons with a level of their own
# ---------------------------------
# 60 persons were measured twenty times each. Two scores depend on what is measured, and also on the person. Three
# further columns are the same in all rows of a person, such as the height, and tell nothing about other persons:
# they only let a network recognise who it is.
import matplotlib.pyplot as plt
import numpy as np

from sklearn_mtl import MultiTaskNetEstimator, Targets

rng = np.random.default_rng(0)
person = np.repeat(np.arange(60), 20)
measured = rng.normal(size=(len(person), 3))
X = np.hstack([measured, rng.normal(size=(60, 3))[person]])
level = rng.normal(size=(60, 2))[person]
noise = 0.3 * rng.normal(size=(len(person), 2))
scores = measured[:, :2] + level + noise
y = Targets(motor=scores[:, 0], total=scores[:, 1])
train, test = np.flatnonzero(person < 40), np.flatnonzero(person >= 40)

# %%
# The loss that is watched
# ------------------------
# The error of the test persons is found after each epoch by a callback. With random validation rows it rises after
# the first epochs, and the validation loss does not show it.
from skorch.callbacks import EpochScoring


def error_of_others(net, X_seen, y_seen):
    """Compute the mean squared error of the test persons, in units of the training."""
    predicted = net.predict(X[test])
    return np.mean(
        [np.mean((predicted[k] - y[k][test]) ** 2) / np.var(y[k][train]) for k in y]
    )


def fit(groups):
    others = EpochScoring(error_of_others, name="others", use_caching=False)
    net = MultiTaskNetEstimator(
        early_stopping=True, validation=0.2, callbacks=[others], random_state=0
    )
    return net.fit(X[train], y[train], groups=groups)


fits = {"random rows": fit(None), "groups": fit(person[train])}
for name, net in fits.items():
    persons = np.unique(person[train][net.validation_rows_])
    best = int(net.history_["valid_loss"].argmin())
    others = net.history_["others"].iloc[best]
    print(
        f"{name}: {len(persons)} persons in the validation rows, best epoch {best + 1}, "
        f"error of other persons {others:.2f}"
    )

# %%
# The dashed line is the epoch that early stopping chose.
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, (name, net) in zip(axes, fits.items(), strict=True):
    history = net.history_
    ax.plot(history.index, history["valid_loss"], label="validation rows")
    ax.plot(history.index, history["others"], label="test persons")
    ax.axvline(history["valid_loss"].idxmin(), color="grey", linestyle="--")
    ax.set(title=name, xlabel="epoch")
axes[0].set_ylabel("mean squared error")
axes[0].legend()
plt.show()
