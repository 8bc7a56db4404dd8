"""
===================================
Which inputs matter for which task?
===================================

One network predicts the species, the sex and the body mass of penguins from five inputs, another one the digits of
small images, and a third one the kind of a request. What does each task read?
"""

# %%
# The penguins
# ------------
# Numbers and categories are missing here and there; the network takes them as they are.
import matplotlib.pyplot as plt
import numpy as np
from palmerpenguins import load_penguins
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.inspection import (
    ImageSaliencyDisplay,
    TaskImportancesDisplay,
    TaskPartialDependenceDisplay,
    TokenSaliencyDisplay,
    correlated_groups,
    integrated_gradients,
    task_importances,
)
from sklearn_mtl.trunks import ConvNet, SequenceEncoder

penguins = load_penguins().dropna(subset=["body_mass_g"])
y = penguins[["species", "sex", "body_mass_g"]]
X = penguins.drop(columns=y.columns)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.4, stratify=y["species"], random_state=0
)
net = MultiTaskNetEstimator(
    tasks={"body_mass_g": "regression"}, ensemble="deep", n_members=4, random_state=0
)
net.fit(X_train, y_train)
print(
    {task: round(score, 2) for task, score in net.score_tasks(X_test, y_test).items()}
)

# %%
# Importances
# -----------
# Each input is permuted 20 times in the rows that the network did not learn. The numbers are falls of the score,
# accuracy for the species and the sex, and R2 for the mass. Where they may be chance, the cell is grey.
importances = task_importances(net, X_test, y_test, n_repeats=20, random_state=0)
print(importances.importances_mean.round(2))
TaskImportancesDisplay.from_importances(importances)
plt.show()

# %%
# Columns that say the same can stand in for each other, and each seems less important than it is. Groups of
# correlated columns are permuted together.
groups = correlated_groups(X_train, threshold=0.5)
print(groups)
TaskImportancesDisplay.from_estimator(
    net, X_test, y_test, groups=groups, n_repeats=20, random_state=0
)
plt.show()

# %%
# Partial dependence
# ------------------
# How does each task change with an input? The marks at the bottom are deciles of the input.
TaskPartialDependenceDisplay.from_estimator(
    net, X_test, ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "island"]
)
plt.show()

# %%
# A single prediction
# -------------------
# Integrated gradients share out the difference between the predicted mass of one penguin and that of a penguin of
# medians among its inputs.
found = integrated_gradients(net, X_test[:1], "body_mass_g")
print(
    f"predicted {found.predictions[0]:.0f} g, baseline {found.baseline_predictions[0]:.0f} g"
)
for name, share in zip(found.names, found.attributions[0], strict=True):
    print(f"{name:18} {share:+5.0f} g")

# %%
# Pixels
# ------
# One network tells the digit, and whether it has a closed loop. Blue pixels raise the value in the title, red
# ones lower it.
digits = load_digits()
has_loop = np.isin(digits.target, [0, 6, 8, 9])
y = Targets(digit=digits.target, loop=has_loop)
reader = MultiTaskNetEstimator(
    trunk=ConvNet(channels=(16, 32)), max_epochs=8, random_state=0
)
reader.fit(digits.images[:1500], y[:1500])
rows = 1500 + np.array(
    [np.flatnonzero(digits.target[1500:] == d)[0] for d in (0, 4, 9)]
)
ImageSaliencyDisplay.from_estimator(reader, digits.images[rows], n_steps=200)
plt.show()

# %%
# Words
# -----
# A request is to play music or to book a table, and may be polite.
rng = np.random.default_rng(0)


def request():
    verb, things = (
        ("play", ["jazz", "a song", "my list"]),
        ("book", ["a table", "a room", "two seats"]),
    )[rng.integers(2)]
    words = [verb, str(rng.choice(things)), str(rng.choice(["now", "for me", "today"]))]
    is_polite = bool(rng.random() < 0.5)
    return (
        " ".join([*words, *(["please"] if is_polite else [])]),
        verb == "play",
        is_polite,
    )


sentences, is_music, is_polite = zip(*(request() for _ in range(300)), strict=True)
y = Targets(wish=np.where(is_music, "music", "place"), polite=np.array(is_polite))
listener = MultiTaskNetEstimator(
    trunk=SequenceEncoder(hidden_size=32), max_epochs=10, random_state=0
)
listener.fit(list(sentences), y)
TokenSaliencyDisplay.from_estimator(
    listener,
    ["play a song for me please", "book two seats now", "book a room please today"],
)
plt.show()
