"""
=====================================
Intent and slots of spoken requests
=====================================

An assistant needs two targets of a request: the **intent**, which is what the user wants, and the **slots**, which
are the words that give the details. The intent is a class of the sentence, the slots are a tag for each word. One
network predicts both.

The requests are made from a few patterns. The names in the test requests do not occur in the training requests, so
the network has to recognise a slot by its context and by the spelling of its words. ``benchmarks/snips.py`` does
the same with 13,084 real requests.
"""

# %%
# The requests
# ------------
import numpy as np

from sklearn_mtl import Targets

PATTERNS = {
    "play": [
        "play {artist}",
        "play some {genre} by {artist}",
        "i want to hear {genre}",
        "put on {artist} now",
    ],
    "weather": [
        "will it rain in {city}",
        "weather in {city} on {day}",
        "how cold is it in {city} {day}",
    ],
    "book": [
        "book a table for {number} in {city}",
        "a table for {number} on {day}",
        "reserve for {number} {day}",
    ],
}
WORDS = {
    "train": {
        "artist": [
            "nina simone", "kraftwerk", "the rolling stones", "miles davis", "abba", "dolly parton", "the cure",
            "prince", "john lennon", "radiohead", "tom waits", "bjork", "the who", "ella fitzgerald",
        ],
        "city": [
            "paris", "new york", "hamburg", "oslo", "san francisco", "lisburg", "rio", "cape town", "edinburgh",
            "los angeles", "new delhi", "warsaw",
        ],
    },
    "test": {
        "artist": ["david bowie", "the beatles", "madonna", "joan baez"],
        "city": ["london", "new orleans", "salzburg", "buenos aires"],
    },
}  # fmt: skip
BOTH = {
    "genre": ["jazz", "soul", "old rock"],
    "day": ["monday", "friday night"],
    "number": ["two", "six", "ten"],
}


def requests(part, n_rows, rng):
    """Fill patterns with words, and tag what was filled in."""
    X, slots, intents = [], [], []
    for intent in rng.choice(list(PATTERNS), size=n_rows):
        tokens, tags = [], []
        for word in rng.choice(PATTERNS[intent]).split():
            if word.startswith("{"):
                kind = word.strip("{}")
                filled = str(rng.choice({**WORDS[part], **BOTH}[kind])).split()
                tags += [f"B-{kind}", *[f"I-{kind}"] * (len(filled) - 1)]
                tokens += filled
            else:
                tags.append("O")
                tokens.append(word)
        X.append(tokens)
        slots.append(tags)
        intents.append(str(intent))
    return X, Targets(intent=intents, slots=slots)


rng = np.random.default_rng(0)
X, y = requests("train", 400, rng)
X_test, y_test = requests("test", 200, rng)
print(X[0], y[0], sep="\n")

# %%
# One network
# -----------
# The tasks are inferred from the targets: a string for each row is a class, a list as long as the row is tags.
from sklearn_mtl import MultiTaskNetEstimator, Optimizer
from sklearn_mtl.trunks import SequenceEncoder

net = MultiTaskNetEstimator(
    trunk=SequenceEncoder(hidden_size=100, token_dropout=2.0),
    learning_rate=3e-3,
    optimizer=Optimizer(schedule="cosine"),
    max_epochs=20,
    random_state=0,
)
net.fit(X, y)
print(net.tasks_)

# %%
# The score of the slots is the entity F1: a slot is correct if its type, its first and its last word are correct.
from sklearn_mtl.metrics import multitask_scorer

for name, score in multitask_scorer(net, X_test, y_test).items():
    print(f"{name:26s}{score:.3f}")

# %%
# Predictions
# -----------
# The predicted tags are below each request. Unseen names are recognised by their context. Wrong tags are red.
import matplotlib.pyplot as plt

predicted = net.predict(X_test)
different = {" ".join(tokens): row for row, tokens in enumerate(X_test)}.values()
order = sorted(
    different, key=lambda row: predicted["slots"][row] == y_test["slots"][row]
)
rows = [*order[:2], *order[-30::5]]
colors = {"artist": "C0", "city": "C1", "genre": "C2", "day": "C4", "number": "C5"}
fig, ax = plt.subplots(figsize=(9, 4.5), layout="constrained")
for line, row in enumerate(rows):
    x = 0.0
    ax.text(
        -0.2,
        -line,
        predicted["intent"][row],
        ha="right",
        weight="bold",
        family="monospace",
    )
    for token, tag, true in zip(
        X_test[row], predicted["slots"][row], y_test["slots"][row], strict=True
    ):
        kind = tag[2:]
        box = (
            {"facecolor": colors[kind], "alpha": 0.3, "edgecolor": "none", "pad": 1.5}
            if kind
            else None
        )
        ax.text(x, -line, token, family="monospace", bbox=box)
        if kind or tag != true:
            ax.text(
                x,
                -line - 0.42,
                tag,
                fontsize=6.5,
                color="0.3" if tag == true else "C3",
                family="monospace",
            )
        x += 0.125 * (len(token) + 1)
ax.set(
    xlim=(-1.6, 5.6),
    ylim=(-len(rows) + 0.2, 0.8),
    title="Intent and slots of requests with unseen names",
)
ax.set_axis_off()
plt.show()
