"""Integrated gradients of every trunk, architecture, ensemble and kind of task."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from captum.attr import IntegratedGradients, LayerIntegratedGradients
from scipy.sparse import csr_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_mtl import Portfolio, Targets
from sklearn_mtl.inspection import integrated_gradients
from sklearn_mtl.inspection._paths import Tokens, with_moving_stems
from sklearn_mtl.tasks import Count, Ordinal, Regression
from sklearn_mtl.trunks import MLP, ConvNet, ModuleTrunk, MultiInput, SequenceEncoder, Trunk, VideoEncoder
from sklearn_mtl.trunks._sequence_stems import TokenStem

from .._helpers import inputs, mixed_targets, net

X = inputs(60)
Y = mixed_targets(X, missing=0.1)
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.where(X[:, 0] > 0, "u", "v"))
FRAME.loc[::7, "b"] = np.nan
WORDS = [["play", "some", "jazz"], ["book", "a", "table", "now"], ["play", "a", "song"], ["book", "it"]] * 5
OF_WORDS = Targets(intent=["music", "place"] * 10, tags=[["O"] * (len(row) - 1) + ["B"] for row in WORDS])
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(256, size=(24, 6, 6), dtype=np.uint8)
OF_IMAGES = Targets(dark=IMAGES.mean(axis=(1, 2)) < 128, sum=IMAGES.sum(axis=(1, 2)) / 100, mask=IMAGES // 128)


def smooth(in_features):
    return nn.Sequential(nn.Linear(in_features, 8), nn.Tanh())


def complete(found, rtol=0.03):
    """Check that the attributions of each row sum to the change of the prediction, in the mean over rows."""
    parts = found.attributions
    parts = list(parts.values()) if isinstance(parts, dict) else [parts]
    sums = sum(np.array([np.sum(row) for row in part]) for part in parts)
    change = found.predictions - found.baseline_predictions
    np.testing.assert_allclose(sums - change, found.errors, atol=1e-4 * np.abs(change).max())
    assert np.abs(sums - change).sum() < rtol * np.abs(change).sum()


# -- exact values


def test_linear_model_shares_by_weight_and_distance():
    target = 3 + X @ [1.0, -2.0, 0.5, 0.0]
    fitted = net(trunk=MLP(()), dtype="float64", max_epochs=5).fit(X, target)
    effects = np.array([fitted.predict(np.eye(4)[[column]])[0] for column in range(4)]) - fitted.predict(
        np.zeros((1, 4))
    )
    found = integrated_gradients(fitted, X)
    middle = np.array([np.sort(column)[len(column) // 2] for column in X.T])  # the default baseline
    np.testing.assert_allclose(found.attributions, (X - middle) * effects, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.baseline_predictions, fitted.predict(middle[None])[0])
    ones = integrated_gradients(fitted, X, baseline=np.ones(4))
    np.testing.assert_allclose(ones.attributions, (X - 1) * effects, rtol=1e-5, atol=1e-6)
    others = integrated_gradients(fitted, X, baseline=X[::-1])
    np.testing.assert_allclose(others.attributions, (X - X[::-1]) * effects, rtol=1e-5, atol=1e-6)


def test_numbers_as_captum_computes_them():
    trunk = MLP((8,), scaling="squash", n_bins=4)
    fitted = net(trunk=trunk, max_epochs=20, learning_rate=0.02).fit(X, Y)
    network, encoded = fitted.net_.module_, fitted._model.blueprint.trunk.encode(X, owner=fitted)
    start = fitted._model.blueprint.trunk.encode(np.zeros((1, 4)), owner=fitted)
    expected = IntegratedGradients(
        lambda numbers: network({"numeric": numbers}, ["mass"])["mass"][:, 0]
    ).attribute(encoded["numeric"], baselines=start["numeric"], n_steps=20)
    found = integrated_gradients(fitted, X, "mass", baseline=np.zeros(4), n_steps=20)
    scale = fitted.tasks_["mass"].scale_[0]
    np.testing.assert_allclose(found.attributions, scale * expected.numpy(), rtol=1e-4, atol=1e-4)


def test_tokens_as_captum_computes_them_at_the_embedding():
    trunk = SequenceEncoder("convolutional", hidden_size=8)
    fitted = net(trunk=trunk, max_epochs=20, learning_rate=0.02).fit(WORDS, OF_WORDS)
    rows = WORDS[:1] * 2
    encoded = fitted._model.blueprint.trunk.encode(rows, owner=fitted)
    batch = {name: values[torch.arange(2)] for name, values in encoded.items()}
    network = fitted.net_.module_

    def logit(tokens, characters):
        given = {"tokens": tokens, "characters": characters, "lengths": torch.full((len(tokens),), 3)}
        return torch.sigmoid(network(given, ["intent"])["intent"][:, 0])

    # the dropout after words and characters are joined, which has no effect here
    stem = next(module for module in network.modules() if isinstance(module, TokenStem))
    layer = LayerIntegratedGradients(logit, stem.dropout)
    given = batch["tokens"], batch["characters"]
    expected = layer.attribute(given, baselines=tuple(map(torch.zeros_like, given)), n_steps=20)
    found = integrated_gradients(fitted, rows, "intent", target="place", n_steps=20)
    np.testing.assert_allclose(found.attributions, expected.sum(dim=-1).detach().numpy(), rtol=1e-4, atol=1e-6)


def test_a_category_gets_the_change_that_it_makes():
    kinds = pd.DataFrame({"kind": ["u", "v", "w"] * 20})
    fitted = net(trunk=MLP(()), max_epochs=20, learning_rate=0.05).fit(kinds, np.arange(60) % 3 + 0.5)
    found = integrated_gradients(fitted, kinds[:3])
    unknown = fitted.predict(pd.DataFrame({"kind": ["never seen"]}))[0]
    np.testing.assert_allclose(found.attributions[:, 0], fitted.predict(kinds[:3]) - unknown, atol=1e-5)
    assert found.names == ["kind"]
    from_u = integrated_gradients(fitted, kinds[:3], baseline=kinds[:1])
    np.testing.assert_allclose(
        from_u.attributions[:, 0], fitted.predict(kinds[:3]) - fitted.predict(kinds[:1])[0], atol=1e-5
    )


def test_smooth_network_is_complete_to_the_last_digits():
    fitted = net(trunk=smooth, dtype="float64", max_epochs=20, learning_rate=0.02).fit(X, Y)
    for task in ("mass", "sick"):
        found = integrated_gradients(fitted, X, task)
        np.testing.assert_allclose(found.errors, 0, atol=1e-6 * np.abs(found.predictions).max())


# -- completeness, and the values that are explained


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"trunk": MLP((8,), scaling="squash", ranks=True, n_bins=4)},
        {"architecture": "mmoe"},
        {"architecture": "ple"},
        {"architecture": "adatt"},
        {"architecture": "cross_stitch"},
        {"architecture": "independent"},
        {"architecture": "subspace_sharing"},
        {"n_members": 2},
        {"n_members": 2, "ensemble": "batch"},
        {"ensemble": Portfolio({"a": {"n_members": 2}, "b": {"architecture": "independent", "n_members": 1}})},
    ],
    ids=lambda params: ", ".join(map(str, params.values()))[:30],
)
def test_tables(params):
    params = {"trunk": MLP((8,), scaling="standard"), "learning_rate": 0.01, **params}
    y = Targets({name: Y[name] for name in ("sick", "mass")})
    fitted = net(**params, early_stopping="auto").fit(FRAME, y)
    before = fitted.predict(FRAME)
    sick = integrated_gradients(fitted, FRAME[:8], "sick", n_steps=100)
    mass = integrated_gradients(fitted, FRAME[:8], "mass", n_steps=100)
    for found in (sick, mass):
        assert found.attributions.shape == (8, 5)
        assert found.names == ["a", "b", "c", "d", "kind"]
        complete(found)
    np.testing.assert_allclose(sick.predictions, fitted.predict_proba(FRAME[:8])["sick"][:, 1], atol=1e-6)
    np.testing.assert_allclose(mass.predictions, fitted.predict(FRAME[:8])["mass"], rtol=1e-6)
    for name, values in fitted.predict(FRAME).items():  # the network itself is as before
        np.testing.assert_array_equal(values, before[name])


def test_missing_numbers_move_from_the_median_with_their_indicator():
    fitted = net(learning_rate=0.02, max_epochs=20).fit(FRAME, Y)
    found = integrated_gradients(fitted, FRAME[:1], "mass", baseline=FRAME[1:2])
    complete(found)
    alike = FRAME[:1].assign(b=FRAME["b"].iloc[1])
    kept = integrated_gradients(fitted, alike, "mass", baseline=FRAME[1:2])
    assert kept.attributions[0, 1] == 0  # the column is as in the baseline
    assert found.attributions[0, 1] != 0


def test_kinds_of_tasks():
    y = Targets(
        {**Y, "rank": np.digitize(X[:, 0], [-0.5, 0.5]), "count": np.exp(X[:, 1]).round(), "half": Y["mass"]}
    )
    tasks = {"rank": Ordinal(), "count": Count(), "half": Regression(loss="absolute_error")}
    fitted = net(tasks=tasks, n_members=2, learning_rate=0.01).fit(X, y)
    proba, predicted = fitted.predict_proba(X), fitted.predict(X)
    for task in ("species", "rank"):
        found = integrated_gradients(fitted, X, task)
        complete(found)
        classes = fitted.tasks_[task].classes_
        np.testing.assert_array_equal(found.targets, classes[proba[task].argmax(axis=1)])
        np.testing.assert_allclose(found.predictions, proba[task].max(axis=1), atol=1e-6)
        third = integrated_gradients(fitted, X, task, target=classes[2])
        np.testing.assert_allclose(third.predictions, proba[task][:, 2], atol=1e-6)
    for task in ("count", "half"):
        found = integrated_gradients(fitted, X, task)
        complete(found)
        np.testing.assert_allclose(found.predictions, predicted[task], rtol=1e-5)
    label = integrated_gradients(fitted, X, "tags", target=1)
    np.testing.assert_allclose(label.predictions, proba["tags"][:, 1], atol=1e-6)
    column = integrated_gradients(fitted, X, "size", target=1)
    np.testing.assert_allclose(column.predictions, predicted["size"][:, 1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("encoder", "n_members"), [("recurrent", 2), ("convolutional", 1), ("transformer", 2)])
def test_tokens(encoder, n_members):
    trunk = SequenceEncoder(encoder, hidden_size=8)
    fitted = net(trunk=trunk, n_members=n_members, learning_rate=0.01).fit(WORDS, OF_WORDS)
    intent = integrated_gradients(fitted, WORDS[:4], "intent")
    last = integrated_gradients(fitted, WORDS[:4], "tags", position=1, target="B")
    for found in (intent, last):
        complete(found)
        assert [len(row) for row in found.attributions] == [3, 4, 3, 2]
    np.testing.assert_allclose(intent.predictions, fitted.predict_proba(WORDS[:4])["intent"][:, 1], atol=1e-6)
    tags = fitted.predict_proba(WORDS[:4])["tags"]
    np.testing.assert_allclose(last.predictions, [row[1, 0] for row in tags], atol=1e-6)
    from_word = integrated_gradients(fitted, WORDS[:4], "intent", baseline="a")
    complete(from_word)
    assert from_word.attributions[1][1] == 0  # the token is that of the baseline
    alone = integrated_gradients(fitted, WORDS[3:4], "intent")
    np.testing.assert_allclose(alone.attributions[0], intent.attributions[3], atol=1e-6)  # padding adds nothing


def test_steps_of_numbers():
    steps = [RNG.normal(size=(length, 2)) for length in (3, 5, 4, 6)] * 5
    y = np.array([row.sum() for row in steps])
    fitted = net(trunk=SequenceEncoder("convolutional", hidden_size=8), learning_rate=0.01).fit(steps, y)
    found = integrated_gradients(fitted, steps[:4])
    complete(found)
    assert [row.shape for row in found.attributions] == [(3, 2), (5, 2), (4, 2), (6, 2)]
    complete(integrated_gradients(fitted, steps[:4], baseline=[1.0, 2.0]))


@pytest.mark.parametrize("form", ["bytes", "floats", "colours", "channels first"])
def test_pixels(form):
    images = {
        "bytes": IMAGES, "floats": IMAGES / 255, "colours": np.stack([IMAGES, IMAGES.T.T], axis=-1),
        "channels first": np.stack([IMAGES] * 3, axis=1),
    }[form]  # fmt: skip
    trunk = ConvNet((4, 8), hidden_size=8, normalization=None, channels_first=form == "channels first")
    fitted = net(trunk=trunk, learning_rate=0.01).fit(images, OF_IMAGES)
    dark = integrated_gradients(fitted, images[:3], "dark", n_steps=200)
    pixel = integrated_gradients(fitted, images[:3], "mask", position=(2, 3), n_steps=200)
    for found in (dark, pixel):
        complete(found)
        assert found.attributions.shape == images[:3].shape
    np.testing.assert_allclose(dark.predictions, fitted.predict_proba(images[:3])["dark"][:, 1], atol=1e-6)
    np.testing.assert_allclose(pixel.predictions, fitted.predict_proba(images[:3])["mask"][:, 2, 3, 1], atol=1e-6)
    black = fitted.predict_proba(np.zeros_like(images[:1]))["dark"][0, 1]
    np.testing.assert_allclose(dark.baseline_predictions, black, atol=1e-6)
    grey = integrated_gradients(fitted, images[:3], "dark", baseline=images[0], n_steps=200)
    assert not grey.attributions[0].any()


def test_frames_of_videos():
    videos = np.stack([IMAGES[:12], IMAGES[12:]], axis=1)
    trunk = VideoEncoder(ConvNet((4,), hidden_size=8), SequenceEncoder("convolutional", hidden_size=8))
    fitted = net(trunk=trunk).fit(videos, videos.mean(axis=(1, 2, 3)))
    found = integrated_gradients(fitted, videos[:2], n_steps=200, baseline=128)
    complete(found, rtol=0.1)
    assert found.attributions.shape == (2, 2, 6, 6)


def test_several_inputs():
    rows = Targets(text=[" ".join(row) for row in WORDS], image=IMAGES[:20], table=X[:20])
    trunks = {
        "text": SequenceEncoder("convolutional", hidden_size=8), "image": ConvNet((4,), normalization=None),
        "table": "mlp",
    }  # fmt: skip
    fitted = net(trunk=MultiInput(trunks, hidden_size=8), n_members=2).fit(rows, X[:20, 0] > 0)
    found = integrated_gradients(fitted, rows[:3], n_steps=200)
    complete(found)
    shapes = {name: np.shape(values) for name, values in found.attributions.items() if name != "text"}
    assert shapes == {"image": (3, 6, 6), "table": (3, 4)}
    assert [len(row) for row in found.attributions["text"]] == [3, 4, 3]
    assert found.names == {"text": None, "image": None, "table": ["x0", "x1", "x2", "x3"]}
    same = integrated_gradients(fitted, rows[:3], baseline={"table": X[:3]}, n_steps=200)
    assert not same.attributions["table"].any()
    with pytest.raises(ValueError, match=r"baseline names inputs \['other'\]"):
        integrated_gradients(fitted, rows[:3], baseline={"other": 0})
    with pytest.raises(TypeError, match="should be a mapping by input"):
        integrated_gradients(fitted, rows[:3], baseline=0)


def test_module_of_the_user():
    fitted = net(trunk=smooth, n_members=2).fit(X, Y)
    found = integrated_gradients(fitted, X[:5], "mass")
    complete(found)
    named = net(trunk=smooth).fit(FRAME[["a", "c"]], Y)
    complete(integrated_gradients(named, FRAME[["a", "c"]][:5], "mass"))


def test_containers_of_a_table():
    sparse = csr_matrix(np.where(X > 0.5, X, 0.0))
    fitted = net(trunk=MLP((8,), scaling="standard"), learning_rate=0.01).fit(sparse, Y)
    found = integrated_gradients(fitted, sparse, "mass")
    complete(found)
    assert not found.attributions[sparse.toarray() == 0].any()  # the median of a sparse column
    dense = integrated_gradients(fitted, sparse.toarray(), "mass")
    np.testing.assert_allclose(dense.attributions, found.attributions, rtol=1e-5, atol=1e-5)
    complete(integrated_gradients(fitted, sparse, "mass", baseline=sparse[:1]))
    fitted = net().fit(FRAME, Y)
    of_polars = integrated_gradients(fitted, pl.from_pandas(FRAME[:5]), "mass")
    of_pandas = integrated_gradients(fitted, FRAME[:5], "mass")
    np.testing.assert_array_equal(of_polars.attributions, of_pandas.attributions)


def test_rows_are_explained_one_by_one():
    fitted = net(learning_rate=0.01).fit(FRAME, Y)
    many = pd.concat([FRAME] * 4, ignore_index=True)  # more than are computed at once
    found = integrated_gradients(fitted, many, "mass")
    alone = integrated_gradients(fitted, many[130:131], "mass")
    np.testing.assert_allclose(found.attributions[130], alone.attributions[0], rtol=1e-4, atol=1e-5)
    with torch.inference_mode():
        again = integrated_gradients(fitted, many[130:131], "mass")
    np.testing.assert_array_equal(again.attributions, alone.attributions)


def test_view_of_a_task():
    fitted = net().fit(X, Y)
    found = integrated_gradients(fitted.task_view("mass"), X[:5])
    np.testing.assert_array_equal(found.attributions, integrated_gradients(fitted, X[:5], "mass").attributions)
    with pytest.raises(ValueError, match="net shows the task 'mass'"):
        integrated_gradients(fitted.task_view("mass"), X[:5], "sick")


# -- what is refused, and warned of


class _OwnMLP(MLP):
    pass


def _embeds(in_features):
    return nn.Sequential(nn.Embedding(5, 3), nn.Flatten())


@pytest.mark.parametrize(
    ("task", "options", "error", "match"),
    [
        (None, {}, ValueError, "name the task to explain; the tasks are"),
        ("none", {}, ValueError, "There is no task 'none'"),
        ("species", {"target": "dog"}, ValueError, r"target='dog' is not one of \['ape', 'bee', 'cat'\]"),
        ("tags", {}, ValueError, r"'tags' has several values; name one by target"),
        ("size", {}, ValueError, "'size' has several values"),
        ("mass", {"target": 1}, ValueError, r"target=1 is not one of \[0\]"),
        ("mass", {"position": 0}, ValueError, "position=0 has no effect on the task 'mass'"),
        ("mass", {"n_steps": 1}, ValueError, "n_steps=1 should be"),
        ("mass", {"baseline": X[:3]}, ValueError, "baseline has 3 rows; it should have 1, or 60"),
        ("mass", {"baseline": [0.0, 1.0]}, ValueError, "4 features"),
    ],
)
def test_bad_options(task, options, error, match):
    fitted = _fitted()
    with pytest.raises(error, match=match):
        integrated_gradients(fitted, X, task, **options)


def _fitted():
    return net(max_epochs=1).fit(X, Y)


def test_what_is_not_supported_is_named():
    mass = Y["mass"]
    with pytest.raises(TypeError, match="does not support the trunk _OwnMLP"):
        integrated_gradients(net(trunk=_OwnMLP((4,)), max_epochs=1).fit(X, mass), X)
    indices = np.arange(60).reshape(30, 2) % 5
    with pytest.raises(TypeError, match="looks up integers itself"):
        integrated_gradients(net(trunk=ModuleTrunk(_embeds), max_epochs=1).fit(indices, mass[:30]), indices)
    spread = net(tasks={"y": Regression(loss="normal")}, max_epochs=1).fit(X, mass)
    with pytest.raises(TypeError, match=r"task 'y': .* Regression\(loss='normal'\)"):
        integrated_gradients(spread, X)
    fitted = _fitted()
    with pytest.raises(TypeError, match="pass pipeline"):
        integrated_gradients(make_pipeline(StandardScaler(), net(max_epochs=1)).fit(X, Y), X, "mass")
    replaced = fitted.with_task("mass", fitted.task_view("mass"))
    with pytest.raises(TypeError, match="in the place of the network"):
        integrated_gradients(replaced, X, "mass")
    assert issubclass(_OwnMLP, Trunk)


def test_positions_and_baselines_of_tokens():
    fitted = net(trunk=SequenceEncoder("convolutional", hidden_size=8), max_epochs=1).fit(WORDS, OF_WORDS)
    with pytest.raises(ValueError, match="labels each token; name one by position, an int"):
        integrated_gradients(fitted, WORDS[:4], "tags")
    with pytest.raises(ValueError, match="row 3 of X has 2 tokens only"):
        integrated_gradients(fitted, WORDS[:4], "tags", position=2)
    with pytest.raises(ValueError, match="should be an int, from 0 on"):
        integrated_gradients(fitted, WORDS[:4], "tags", position=-1)
    with pytest.raises(TypeError, match="should be one token"):
        integrated_gradients(fitted, WORDS[:4], "intent", baseline="two words")
    images = net(trunk=ConvNet((4,), hidden_size=8), max_epochs=1).fit(IMAGES, OF_IMAGES)
    with pytest.raises(ValueError, match=r"position=\(2, 9\) of the task 'mask' is not within \(6, 6\)"):
        integrated_gradients(images, IMAGES[:2], "mask", position=(2, 9))
    with pytest.raises(ValueError, match="baseline has numbers that uint8"):
        integrated_gradients(images, IMAGES[:2], "sum", baseline=0.5)
    with pytest.raises(ValueError, match="should be a number, or of the shape of a row"):
        integrated_gradients(images, IMAGES[:2], "sum", baseline=IMAGES[0, :2])


def test_warning_of_too_few_steps():
    trunk = MLP((16, 16), scaling="standard")
    fitted = net(trunk=trunk, max_epochs=60, learning_rate=0.05).fit(X, np.sin(6 * X[:, 0]) > 0)
    with pytest.warns(UserWarning, match=r"the attributions miss .*; increase n_steps=2"):
        integrated_gradients(fitted, X, n_steps=2)


def test_networks_that_use_another_stem_are_refused():
    of_table, of_words = net(max_epochs=1).fit(X, Y), net(trunk=SequenceEncoder(hidden_size=8), max_epochs=1)
    trunk = of_words.fit(WORDS, OF_WORDS)._model.blueprint.trunk
    with pytest.raises(TypeError, match="does not use the stem of SequenceEncoder"):
        with_moving_stems(of_table.net_.module_, trunk, [Tokens()])
