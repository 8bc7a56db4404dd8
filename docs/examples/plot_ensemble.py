"""
==================================================
Ensembles: accuracy and confidence on changed rows
==================================================

A network is often confident where it is wrong, above all on rows that differ from the training rows. The members
of an ensemble disagree there, and the mean of their probabilities is less confident (Lakshminarayanan et al.,
2017).

Each row is an image of a handwritten digit. Two tasks share a network: which digit it is, and whether the digit is
odd. The training images are upright; the test images are rotated.
"""

# %%
# One network and eight
# ---------------------
# The ensemble takes every option that one network takes, here a mixture of experts with a gate for each task.
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import rotate
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_mtl import MultiTaskNetClassifier, Targets

X, digit = load_digits(return_X_y=True)
X_train, X_test, digit_train, digit_test = train_test_split(
    X, digit, stratify=digit, random_state=0
)
y_train = Targets(digit=digit_train, odd=digit_train % 2)


def network(n_members):
    """Learn both tasks from the upright images."""
    return MultiTaskNetClassifier(
        architecture="mmoe", n_members=n_members, random_state=0
    ).fit(X_train, y_train)


networks = {"one network": network(1), "ensemble of eight": network(8)}

# %%
# Rotated images
# --------------
# The confidence is the probability of the predicted digit. It should equal the accuracy.
angles = np.arange(0, 61, 5)


def rotated(angle):
    """Rotate the test images."""
    images = rotate(
        X_test.reshape(-1, 8, 8), angle, axes=(1, 2), reshape=False, order=1
    )
    return images.reshape(len(X_test), -1)


def accuracy_and_confidence(net, angle):
    """Compute both for the digits of the rotated images."""
    X_rotated = rotated(angle)
    correct = net.predict(X_rotated)["digit"] == digit_test
    return correct.mean(), net.predict_proba(X_rotated)["digit"].max(axis=1).mean()


figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.6), sharey=True, layout="constrained")
for axis, (name, net) in zip(axes, networks.items(), strict=True):
    accuracy, confidence = np.transpose(
        [accuracy_and_confidence(net, angle) for angle in angles]
    )
    axis.plot(angles, accuracy, marker="o", label="accuracy")
    axis.plot(angles, confidence, marker="s", label="confidence")
    axis.fill_between(angles, accuracy, confidence, alpha=0.15, color="C1")
    axis.set(title=name, xlabel="rotation of the test images [degrees]")
    print(
        f"{name}: confidence - accuracy = {(confidence - accuracy).mean():.2f} on average"
    )
axes[0].legend()

# %%
# The confidence of the ensemble falls together with its accuracy over the first degrees, and the ensemble stays
# accurate for longer. Far from the training images both are confident and wrong: **an ensemble does not tell that
# rows are like no training row**.
#
# Members
# -------
# ``gate_weights`` returns the mean over the members, or the weights of each member. Without early stopping, a
# single network with the seed of a member equals that member.
ensemble = networks["ensemble of eight"]
print("seeds:", ensemble.member_seeds_[:3], "...")
gates = ensemble.gate_weights(X_test, tasks=["digit"], by_member=True)
print(gates.mean().unstack("expert").round(2))

# %%
# A task that comes later is added to every member. The trunk and the first tasks stay as they are.
ensemble.add_task("large", X_train, digit_train > 4)
y_test = {"digit": digit_test, "odd": digit_test % 2, "large": digit_test > 4}
print(
    {
        task: round(score, 3)
        for task, score in ensemble.score_tasks(X_test, y_test).items()
    }
)
