"""
==========================================
Few labels for one task, many for another
==========================================

Labels of one target are often scarce while those of another are plentiful. Does a network that learns both predict
the scarce one better than a network that learns it alone? It depends on how the targets are related.

The scarce target here is **which digit** an image shows. It is learned

* alone;
* together with **whether the digit is even**, known for every image: a target that is related to the digit;
* together with **how dark the image is**, the mean of its pixels, known for every image as well: a number that
  says little about the digit;
* beside the darkness again, with a tenth of the **task weight**.

Network, images, steps and seeds are the same each time. Only the second target and its weight differ.
"""

# %%
# The experiment
# --------------
# A missing label is NaN. Images without a digit label stay in the training set: their second target trains the
# layers that both tasks share. The digit is stated to be a class, because digits with NaN are floats, and a
# warning would say that their type was inferred.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_mtl import MultiTaskNetEstimator, Targets

images, digits = load_digits(return_X_y=True)
even, darkness = digits % 2 == 0, images.mean(axis=1)
ways = {  # name: (second target, its weight)
    "alone": (None, 0.0),
    "beside even or odd": (even, 1.0),
    "beside darkness": (darkness, 1.0),
    "beside darkness, weight 0.1": (darkness, 0.1),
}
shares = [0.02, 0.05, 0.15, 0.5]
seeds = range(4)
n_train = len(digits) // 2


def test_accuracy(second, weight, share, seed):
    """Learn from a share of the digit labels; return the accuracy of the digit on the test images."""
    train, test = train_test_split(
        np.arange(len(digits)), train_size=n_train, stratify=digits, random_state=seed
    )
    order = np.random.default_rng(seed).permutation(n_train)
    known = order[: round(share * n_train)]
    scarce = np.full(n_train, np.nan)
    scarce[known] = digits[train][known]
    y = {"digit": scarce}
    if second is not None:
        y["second"] = second[train]
    net = MultiTaskNetEstimator(
        tasks={"digit": "classification"},
        task_weights=None if second is None else {"second": weight},
        learning_rate=3e-3,
        batch_size=64,
        max_epochs=12,
        early_stopping=False,
        random_state=seed,
        n_members=1,
    )
    net.fit(images[train], Targets(y))
    return np.mean(net.predict(images[test], tasks=["digit"])["digit"] == digits[test])


runs = pd.DataFrame(
    [
        {
            "learned": way,
            "share": share,
            "seed": seed,
            "accuracy": test_accuracy(second, weight, share, seed),
        }
        for way, (second, weight) in ways.items()
        for share in shares
        for seed in seeds
    ]
)

# %%
# Results
# -------
# Test accuracy of the digit, averaged over the seeds:
accuracy = runs.pivot_table(
    index="share", columns="learned", values="accuracy", sort=False
)
print(accuracy.round(3).to_string())

# %%
# The right plot shows the difference for each seed, with the second task minus without it. A seed fixes the split,
# the choice of labels and the initial weights.
by_seed = runs.pivot(index=["share", "seed"], columns="learned", values="accuracy")
gain = 100 * by_seed.sub(by_seed["alone"], axis=0)

styles = {
    "alone": ("0.35", "o-"),
    "beside even or odd": ("tab:blue", "o-"),
    "beside darkness": ("tab:red", "o-"),
    "beside darkness, weight 0.1": ("tab:orange", "o--"),
}
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for number, (way, (color, style)) in enumerate(styles.items()):
    left.plot(
        accuracy.index, 100 * accuracy[way], style, color=color, markersize=4, label=way
    )
    if way == "alone":
        right.axhline(0, color=color, linewidth=1)
        continue
    beside = accuracy.index * 1.07 ** (number - 2)  # the dots of a share side by side
    for seed in seeds:
        dots = gain[way].xs(seed, level="seed")
        right.plot(beside, dots, "o", color=color, markersize=4, alpha=0.45, mew=0)
    right.plot(beside, gain[way].groupby("share").mean(), style[1:], color=color)

left.set(ylabel="test accuracy of the digit (%)", title="The scarce task")
left.legend(frameon=False, loc="lower right")
right.set(ylabel="points of accuracy", title="Gained or lost by the second task")
for ax in (left, right):
    ax.set(xscale="log", xlabel="training images whose digit is known")
    ax.set_xticks(shares, [f"{share:.0%}\n({share * n_train:.0f})" for share in shares])
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.92")
    ax.set_axisbelow(True)
plt.show()

# %%
# Even or odd helps, most with few labels of the digit. Darkness harms with few labels; one explanation is that the
# shared layers learn features that are useless for the digit. A small weight reduces the harm. With half of the
# digits known, all four are close.
#
# So a second task may help or harm. Check this on a validation set, with ``task_weights__<task>`` in a search and
# 0 among the values. A task of weight 0 is not trained at all, and the others are fitted as if it did not exist.
