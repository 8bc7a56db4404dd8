"""Labels of tokens in training and prediction, with a trunk of a few lines."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.architectures import Outputs
from sklearn_mtl.columns._ragged import RaggedRows
from sklearn_mtl.data._dataset import BatchIterator, Dataset, bucketed
from sklearn_mtl.data._encode_labels import encode_targets
from sklearn_mtl.model import _predict
from sklearn_mtl.model._objective import Objective
from sklearn_mtl.nn._layers import Linear
from sklearn_mtl.tasks import Classification, SequenceTagging
from sklearn_mtl.trunks import Representation, StemOutput, Trunk
from sklearn_mtl.weighting import Static

from .._helpers import column

VOCABULARY = 6


class Numbers(Trunk):
    """Sequences of the numbers 0 to 5, each seen by itself; a row is the mean of its tokens."""

    has_tokens = True

    def fit(self, X, *, owner, dtype="float32", categorical_features="from_dtype", sample_weight=None):
        self.stem_width_, self.width_ = VOCABULARY + 1, 5
        return self

    def encode(self, X, *, owner):
        tokens = RaggedRows.of([np.asarray(row, dtype=np.int64) for row in X])
        return {"tokens": tokens, "lengths": tokens.lengths}

    def lengths(self, X):
        return np.array([len(row) for row in X])

    def stem(self, streams):
        return _Stem()

    def body(self, streams, name="body"):
        return _Body(streams.generator("trunk", name))


class _Stem(nn.Module):
    def forward(self, inputs):
        tokens = inputs["tokens"]
        mask = torch.arange(tokens.shape[1]) < inputs["lengths"][:, None]
        return StemOutput(nn.functional.one_hot(tokens, VOCABULARY).float() * mask[..., None], 1, mask)


class _Body(nn.Module):
    def __init__(self, generator):
        super().__init__()
        self.linear = Linear(VOCABULARY, 5, generator)

    def forward(self, given):
        x, mask = given.values, given.mask[..., None].float()
        token = self.linear(x.flatten(0, 1)).unflatten(0, x.shape[:2]).relu() * mask
        return Representation(token.sum(dim=1) / mask.sum(dim=1), token, given.mask)


def sequences(n_rows=60, seed=0):
    """Make rows of numbers; the tag of a token is its parity, the class of a row whether 0 is in it."""
    rng = np.random.default_rng(seed)
    X = [rng.integers(VOCABULARY, size=rng.integers(1, 9)).tolist() for _ in range(n_rows)]
    parity = [["odd" if token % 2 else "even" for token in row] for row in X]
    return column(X), Targets(parity=column(parity), zero=np.array([0 in row for row in X]))


def net(**params):
    defaults = {"trunk": Numbers(), "max_epochs": 30, "random_state": 0, "batch_size": 8, "learning_rate": 0.02}
    return MultiTaskNetEstimator(**{**defaults, "early_stopping": False, **params})


# -- batches


@given(st.integers(1, 200), st.integers(1, 7), st.integers(0, 9))
def test_each_row_is_in_one_batch_of_rows_of_similar_lengths(n_rows, batch_size, seed):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 30, (n_rows,), generator=generator)
    batches = bucketed(torch.randperm(n_rows, generator=generator), lengths, batch_size, generator)
    assert sorted(torch.cat(batches).tolist()) == list(range(n_rows))
    assert len(batches) == -(-n_rows // batch_size)
    if n_rows <= 50 * batch_size:  # one pool: no batch lies within another
        spans = sorted((int(lengths[rows].min()), int(lengths[rows].max())) for rows in batches)
        assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_batches_are_padded_to_their_own_longest_row():
    X, _ = sequences(40)
    inputs = Numbers().encode(X, owner=None)
    data = Dataset(inputs, [torch.arange(40)], [None])
    widths = {b.inputs["tokens"].shape[1] for b in BatchIterator(data, 4, torch.Generator().manual_seed(0))}
    assert len(widths) > 3


# -- the loss


@pytest.mark.parametrize("n_labels", [2, 3])
def test_the_loss_is_the_mean_over_labelled_tokens_of_the_batch(n_labels):
    rng = np.random.default_rng(0)
    labels = [[0, 1, 2 % n_labels], [1], None, [0, -1, 1, 1]]
    task = SequenceTagging().fit(column(labels))
    objective = Objective({"tags": task}, {"tags": 1.0}, {"tags": 1.0}, Static()).double()
    y = {"tags": column(labels)}
    targets, weights = encode_targets(objective.groups, {"tags": task}, y, None, torch.float64)
    batch = Dataset({}, targets, weights).batch(torch.arange(4))
    output = torch.from_numpy(rng.normal(size=(4, 6, task.n_outputs_)))  # the third row is the longest
    losses, mass = objective(Outputs.of({"tags": output}), batch.targets, batch.weights)
    tokens = [(row, place) for row, tags in enumerate(labels) for place, tag in enumerate(tags or ()) if tag >= 0]
    flat = np.array([labels[row][place] for row, place in tokens])
    rows = Classification().fit(flat)
    elements = rows.elementwise_loss(
        torch.stack([output[token] for token in tokens]), torch.from_numpy(rows.encode(flat).target)
    )
    torch.testing.assert_close(losses, elements.mean(dim=0))
    assert mass.tolist() == [len(tokens)]


# -- fits


def test_tokens_and_rows_are_learned_together():
    X, y = sequences(200)
    fitted = net().fit(X, y)
    assert fitted.score_tasks(X, y) == {"parity": 1.0, "zero": pytest.approx(1.0, abs=0.1)}
    assert type(fitted.tasks_["parity"]) is SequenceTagging


def test_predictions_come_back_in_the_order_of_the_rows(monkeypatch):
    X, y = sequences()
    fitted = net(max_epochs=2).fit(X, y)
    at_once = fitted.predict(X)["parity"]
    assert [len(row) for row in at_once] == [len(row) for row in X]
    monkeypatch.setattr(_predict, "CHUNK_TOKENS", 20)
    assert fitted.predict(X)["parity"].tolist() == at_once.tolist()
    order = np.random.default_rng(0).permutation(len(X))
    assert fitted.predict(X[order])["parity"].tolist() == at_once[order].tolist()
    proba = fitted.predict_proba(X)["parity"]
    assert [len(row) for row in proba] == [len(row) for row in X]
    assert fitted.predict(X, tasks=["parity"])["parity"].tolist() == at_once.tolist()


def test_losses_of_validation_rows_are_those_of_their_tokens():
    X, y = sequences(100)
    fitted = net(max_epochs=2, early_stopping=True, validation=0.5).fit(X, y)
    history = fitted.history_
    assert history["valid_loss__parity"].between(0, 2).all()
    assert history["valid_score__parity"].between(0, 1).all()


@pytest.mark.parametrize("missing", ["rows", "tokens"])
def test_missing_tags_are_as_good_as_none(missing):
    X, y = sequences(200)
    tags = y["parity"].copy()
    for row in range(0, 200, 2):
        tags[row] = None if missing == "rows" else [None, *tags[row][1:]]
    fitted = net().fit(X, Targets(parity=tags, zero=y["zero"]))
    assert fitted.score_tasks(X, y)["parity"] == 1.0
    assert np.isfinite(fitted.history_.filter(like="loss")).all(axis=None)


def test_a_row_of_weight_0_counts_for_nothing():
    X, y = sequences()
    weight = (np.arange(len(X)) % 3 > 0).astype(float)
    spoiled = y["parity"].copy()
    for row in np.flatnonzero(weight == 0):
        spoiled[row] = ["none of these"] * len(X[row])
    one = net(max_epochs=3).fit(X, y, sample_weight=weight)
    other = net(max_epochs=3).fit(X, Targets(parity=spoiled, zero=y["zero"]), sample_weight=weight)
    assert one.predict(X)["parity"].tolist() == other.predict(X)["parity"].tolist()


def test_padded_tags_give_the_same_network_as_lists():
    X, y = sequences()
    codes = {"even": 0, "odd": 1}
    padded = np.full((len(X), 9), -1)
    for row, tags in enumerate(y["parity"]):
        padded[row, : len(tags)] = [codes[tag] for tag in tags]
    lists = net(max_epochs=3).fit(X, y)
    arrays = net(max_epochs=3, tasks={"parity": "tagging"}).fit(X, Targets(parity=padded, zero=y["zero"]))
    for tags, row in zip(lists.predict(X)["parity"], arrays.predict(X)["parity"], strict=True):
        assert [codes[tag] for tag in tags] == row[: len(tags)].tolist()
        assert (row[len(tags) :] == -1).all()


def test_each_task_may_be_drawn_by_itself():
    X, y = sequences(200)
    tags = y["parity"].copy()
    tags[::2] = None
    fitted = net(task_sampling="proportional").fit(X, Targets(parity=tags, zero=y["zero"]))
    assert fitted.score_tasks(X, y)["parity"] > 0.95


ARCHITECTURES = ["independent", "mmoe", "cross_stitch", "ple", "adatt", "subspace_sharing"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_gives_tokens(architecture):
    X, y = sequences()
    fitted = net(architecture=architecture, max_epochs=2).fit(X, y)
    tags = fitted.predict(X)["parity"]
    assert [len(row) for row in tags] == [len(row) for row in X]
    one = fitted.predict(X[:1])["parity"][0]  # padding is nothing to the gates either
    assert one == tags[0]


@pytest.mark.parametrize("weighting", ["uncertainty", "famo", "cagrad", "nash_mtl"])
def test_tokens_are_balanced_with_rows(weighting):
    X, y = sequences()
    fitted = net(weighting=weighting, max_epochs=3).fit(X, y)
    assert np.isfinite(fitted.history_.filter(like="weight__")).all(axis=None)


# -- errors


def test_tags_of_another_length_than_their_tokens_are_refused():
    X, y = sequences()
    y["parity"][7] = [*y["parity"][7], "odd"]
    with pytest.raises(ValueError, match=rf"task 'parity': row 7 has {len(X[7]) + 1} tags for {len(X[7])} tokens"):
        net(tasks={"parity": "tagging"}).fit(X, y)


def test_tags_need_tokens():
    with pytest.raises(ValueError, match="labels each token, but MLP returns a vector per row"):
        MultiTaskNetEstimator(tasks={"y": "tagging"}, n_members=1).fit(
            np.eye(3), {"y": column([["a"], ["b"], ["a", "b"]])}
        )


def test_a_task_of_weight_0_changes_nothing_for_tags():
    X, y = sequences()
    both = net(max_epochs=2, task_weights={"zero": 0.0}).fit(X, y)
    alone = net(max_epochs=2).fit(X, Targets(parity=y["parity"]))
    assert both.predict(X)["parity"].tolist() == alone.predict(X)["parity"].tolist()
