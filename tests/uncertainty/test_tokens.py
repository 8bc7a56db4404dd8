"""Sets of labels for the tokens of sequences."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from sklearn_mtl import MultiTaskNetEstimator, Targets, load_model, save_model
from sklearn_mtl.metrics import entity_spans
from sklearn_mtl.tasks import Regression, SequenceTagging
from sklearn_mtl.trunks import SequenceEncoder
from sklearn_mtl.uncertainty import ConformalMultiTask, selective_curve

from .._helpers import column

CLASSES = np.array(["B-x", "I-x", "O"])
GRAMMAR = np.array([[0.0, 0.5, 0.5], [0.0, 0.4, 0.6], [0.3, 0.0, 0.7]])


def made(n_rows, seed):
    """Make tags from a Markov chain, and noisy logits of them; some tags are missing, as is every tenth row."""
    rng = np.random.default_rng(seed)
    logits, tags = [], []
    for row in range(n_rows):
        codes = [2]
        for _ in range(rng.integers(1, 9)):
            codes.append(rng.choice(3, p=GRAMMAR[codes[-1]]))
        noise = rng.gamma(1.0) + 0.2  # rows differ in difficulty, so that their tokens depend on each other
        logits.append(3 * np.eye(3)[codes] + noise * rng.normal(size=(len(codes), 3)))
        labels = [None if rng.random() < 0.1 else CLASSES[code] for code in codes]
        tags.append(None if row % 10 == 9 else labels)
    return column(logits), column(tags)


class Tagger(BaseEstimator):
    """Predicts the softmax of what it is shown."""

    def fit(self, X, y):
        self.tasks_ = {"slots": SequenceTagging(classes=CLASSES).fit(y)}
        self.task_names_, self.n_features_in_ = ["slots"], 1
        return self

    def predict(self, X, tasks=None):
        return Targets(slots=column([CLASSES[row.argmax(axis=1)].tolist() for row in X]))

    def predict_proba(self, X, tasks=None):
        each = [np.exp(row) / np.exp(row).sum(axis=1, keepdims=True) for row in X]
        return {"slots": column(each)}


NET = Tagger().fit(*made(50, 0))


def missed(tags, sets):
    """Return the shares of the labelled tokens and of the entities of a row that are missed, NaN without any."""
    inside = [None if tag is None else bool(sets[n, CLASSES.tolist().index(tag)]) for n, tag in enumerate(tags)]
    known = [one for one in inside if one is not None]
    entities = [all(inside[span.start : span.stop]) for span in entity_spans(tags)]
    return [1 - np.mean(each) if each else np.nan for each in (known, entities)]


@pytest.mark.parametrize(("method", "column_of_risk"), [("fnr", 0), ("entities", 1)])
def test_mean_shares_are_controlled(method, column_of_risk):
    rest, tags = made(4000, 1)
    new_X, new_tags = made(2500, 2)
    risks = []
    for start in range(0, 4000, 200):
        part = slice(start, start + 200)
        one = ConformalMultiTask(NET, 0.9, method=method).conformalize(rest[part], Targets(slots=tags[part]))
        own = slice(start // 2, start // 2 + 500)
        sets = one.predict_set(new_X[own])["slots"]
        rows = zip(new_tags[own], sets, strict=True)
        each = [missed(row, chosen)[column_of_risk] for row, chosen in rows if row is not None]
        risks.append(np.nanmean(each))
        scored = one.score_sets(new_X[own], Targets(slots=new_tags[own]))
        assert scored.loc["slots", "coverage"] == pytest.approx(1 - risks[-1])
    assert 0.065 < np.mean(risks) < 0.105  # at least 0.1 - 2 / (n + 1), of some 60 rows with entities


def test_the_mean_risk_of_calibration_rows_is_just_below_the_bound():
    X, tags = made(300, 3)
    one = ConformalMultiTask(NET, 0.9).conformalize(X, Targets(slots=tags))
    rows = [
        (row, chosen) for row, chosen in zip(tags, one.predict_set(X)["slots"], strict=True) if row is not None
    ]
    shares = [missed(row, chosen)[0] for row, chosen in rows]
    n_rows = np.isfinite(shares).sum()
    assert one.n_calibration_ == {"slots": n_rows}
    bound = 0.1 - 0.9 / n_rows  # (n + 1) * 0.1 - 1 of n rows, by Angelopoulos et al.
    assert bound - 1.1 / n_rows < np.nanmean(shares) <= bound + 1e-9


def test_whole_rows_are_covered():
    X, tags = made(2000, 4)
    one = ConformalMultiTask(NET, 0.8, method="coverage").conformalize(X[:1000], Targets(slots=tags[:1000]))
    scored = one.score_sets(X[1000:], Targets(slots=tags[1000:]))
    assert 0.76 < scored.loc["slots", "coverage"] < 0.84
    joint = ConformalMultiTask(NET, 0.8, joint="max").conformalize(X[:1000], Targets(slots=tags[:1000]))
    assert joint.methods_ == {"slots": "coverage"}
    np.testing.assert_allclose(joint.thresholds_["slots"], one.thresholds_["slots"])


def test_too_few_rows_hold_all_labels():
    X, tags = made(8, 5)
    with pytest.warns(UserWarning, match="'slots' has 8 and needs 9"):
        one = ConformalMultiTask(NET).conformalize(X, Targets(slots=tags))
    assert all(chosen.all() for chosen in one.predict_set(X)["slots"])


def test_errors():
    X, tags = made(40, 6)
    y = Targets(slots=tags)
    with pytest.raises(ValueError, match="has no use for"):
        ConformalMultiTask(NET, joint="max", method="entities").conformalize(X, y)
    plain = Tagger().fit(X, tags)
    plain.tasks_ = {"slots": SequenceTagging().fit(column([["noun", "verb"]]))}
    with pytest.raises(ValueError, match="needs tags of entities"):
        ConformalMultiTask(plain, method="entities").conformalize(X, y)
    with pytest.raises(ValueError, match=r"row \d+ has \d+ tags for 1 tokens"):
        ConformalMultiTask(NET).conformalize(column([row[:1] for row in X]), y)
    with pytest.raises(ValueError, match="by='slots' names a task without one class"):
        ConformalMultiTask(NET, by="slots").conformalize(X, y)


WORDS = column([[f"w{(row + n) % 7}" for n in range(1 + row % 4)] for row in range(160)])
SLOTS = column([["B-x" if word in ("w1", "w2") else "O" for word in row] for row in WORDS])
LENGTH = np.array([float(len(row)) for row in WORDS])


@pytest.mark.parametrize("form", ["lists", "texts"])
def test_a_network_of_sentences(form, tmp_path):
    slots = column([" ".join(row) for row in SLOTS]) if form == "texts" else SLOTS
    y = Targets(slots=slots, length=LENGTH)
    net = MultiTaskNetEstimator(
        tasks={"slots": SequenceTagging(), "length": Regression()},
        trunk=SequenceEncoder(embedding_size=4, hidden_size=4, n_layers=1),
        n_members=2,
        max_epochs=3,
        early_stopping=True,
        random_state=0,
    )
    fitted = net.fit(WORDS[:60], y[:60])
    one = ConformalMultiTask(fitted, 0.8).conformalize(WORDS[60:], y[60:])
    sets, proba = one.predict_set(WORDS[60:]), fitted.predict_proba(WORDS[60:])["slots"]
    assert sets["length"].shape == (100, 2)
    assert [chosen.shape for chosen in sets["slots"]] == [each.shape for each in proba]
    least, most = (np.concatenate(part) for part in (proba, sets["slots"]))
    assert least[most].min() >= least[~most].max(initial=0.0) - 1e-6
    assert one.score_sets(WORDS[60:], y[60:]).loc["slots", "coverage"] >= 0.8
    save_model(one, tmp_path / "model.mtl")
    again = load_model(tmp_path / "model.mtl").predict_set(WORDS[60:])
    assert all((a == b).all() for a, b in zip(again["slots"], sets["slots"], strict=True))
    by_members = ConformalMultiTask(net, 0.8).fit(WORDS, y)
    assert [chosen.shape for chosen in by_members.predict_set(WORDS)["slots"]] == [(len(row), 2) for row in WORDS]
    with pytest.warns(UserWarning, match="'slots': each token has a label"):
        assert list(selective_curve(fitted, WORDS[60:], y[60:])) == ["length"]
