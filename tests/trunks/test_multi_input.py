import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.trunks import MLP, ConvNet, MultiInput, SequenceEncoder
from sklearn_mtl.utils._random import Streams

N = 24
RNG = np.random.default_rng(0)
WORDS = [["a", "b", "c"][: 1 + row % 3] for row in range(N)]
X = {
    "numbers": RNG.normal(size=(N, 3)),
    "picture": RNG.integers(256, size=(N, 6, 6), dtype=np.uint8),
    "words": WORDS,
}
Y = np.arange(N) % 3
TRUNKS = {
    "numbers": MLP(hidden_sizes=(4,)),
    "picture": ConvNet(channels=(4,), hidden_size=5),
    "words": SequenceEncoder("convolutional", hidden_size=6, embedding_size=3, character_size=2),
}


def net(trunk, **params):
    defaults = {"max_epochs": 2, "early_stopping": False, "random_state": 0}
    return MultiTaskNetEstimator(trunk=trunk, **{**defaults, **params})


def fitted(**params):
    return MultiInput(**{"inputs": TRUNKS, "hidden_size": 7, **params}).fit(Targets(X), owner=BaseEstimator())


def test_each_input_is_read_by_its_own_trunk():
    trunk = fitted()
    inputs = {name: values[:4] for name, values in trunk.encode(X, owner=BaseEstimator()).items()}
    stem, body = trunk.stem(Streams(0)).float().eval(), trunk.body(Streams(0)).float().eval()
    with torch.no_grad():
        before = body(stem(inputs)).sample
        pieces = stem(inputs).parts
    alone = trunk.inputs_["numbers"].encode(X["numbers"], owner=trunk.inputs_["numbers"])
    torch.testing.assert_close(pieces[0].values, alone["numeric"][:4])
    for position in range(3):  # every input has an effect
        spoiled = {k: v.flip(0) if k.startswith(f"{position}/") else v for k, v in inputs.items()}
        with torch.no_grad():
            assert (body(stem(spoiled)).sample != before).any()


def test_weights_of_an_input_do_not_depend_on_the_others():
    whole = fitted().body(Streams(0)).bodies[0].state_dict()
    few = {name: TRUNKS[name] for name in ("numbers", "picture")}
    part = fitted(inputs=few).body(Streams(0)).bodies[0].state_dict()
    assert all(torch.equal(whole[name], part[name]) for name in whole)


# -- parameters


def test_parameters_of_inputs_are_parameters():
    trunk = MultiInput(TRUNKS)
    assert trunk.get_params()["inputs__picture__channels"] == (4,)
    net_of_it = net(trunk)
    net_of_it.set_params(trunk__inputs__picture__channels=(8,))
    assert net_of_it.trunk.inputs["picture"].channels == (8,)
    assert TRUNKS["picture"].channels == (4,)
    assert clone(net_of_it).trunk.inputs["picture"].channels == (8,)


def test_a_search_over_what_is_inside():
    grid = {"trunk__inputs__numbers__hidden_sizes": [(2,), (3,)]}
    search = GridSearchCV(net(MultiInput(TRUNKS, 5)), grid, cv=2, error_score="raise").fit(Targets(X), Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


# -- kinds of X


def test_a_dict_is_as_good_as_targets():
    one = net(MultiInput(TRUNKS, 5)).fit(X, Y)
    other = net(MultiInput(TRUNKS, 5)).fit(Targets(X), Y)
    np.testing.assert_array_equal(one.transform(X), other.transform(Targets(X)))


def test_columns_of_a_frame_by_a_tuple_of_their_names():
    frame = pd.DataFrame({"x": X["numbers"][:, 0], "kind": list("ab") * (N // 2), "words": WORDS})
    inputs = {("x", "kind"): MLP(hidden_sizes=(4,)), "words": TRUNKS["words"]}
    by_name = net(MultiInput(inputs, 5)).fit(frame, Y)
    assert by_name.predict(frame).shape == (N,)
    assert list(MultiInput().fit(frame, owner=BaseEstimator()).inputs_) == ["words", ("x", "kind")]


def test_tokens_of_one_input_can_be_labelled():
    tags = np.empty(N, dtype=object)
    tags[:] = [[word.upper() for word in row] for row in WORDS]
    y = Targets(tags=tags, number=Y)
    learned = net(MultiInput(TRUNKS, 16, tokens="words"), max_epochs=60, learning_rate=0.01).fit(X, y)
    assert learned.score_tasks(X, y)["tags"] > 0.9
    assert [len(row) for row in learned.predict(X)["tags"]] == [len(row) for row in WORDS]


@pytest.mark.parametrize("architecture", ["mmoe", "independent", "ple"])
def test_with_every_way_of_sharing(architecture):
    y = Targets(a=Y, b=X["numbers"][:, 0])
    learned = net(MultiInput(TRUNKS, 6), architecture=architecture).fit(X, y)
    together = learned.predict(X)["b"]
    alone = learned.predict({name: values[:1] for name, values in X.items()})["b"]
    np.testing.assert_allclose(alone, together[:1], rtol=1e-4, atol=1e-5)


# -- errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": None}, r"X lacks the inputs \['words'\]"),
        ({"numbers": np.full((N, 3), np.inf)}, "input 'numbers': .*infinity"),
        ({"picture": np.full(X["picture"].shape, np.nan)}, "input 'picture': .*NaN"),
        ({"picture": X["picture"][:, :5]}, "input 'picture': .*shape"),
        ({"numbers": X["numbers"][:-1]}, "same number of rows|inconsistent"),
    ],
    ids=["lacking", "infinity", "NaN", "shape", "rows"],
)
def test_inputs_that_are_not_those_of_fit_are_refused(change, message):
    learned = net(MultiInput(TRUNKS, 5)).fit(X, Y)
    rows = {name: values for name, values in {**X, **change}.items() if values is not None}
    with pytest.raises(ValueError, match=message):
        learned.predict(rows)


def test_tokens_of_an_input_without_any_are_refused():
    with pytest.raises(ValueError, match=r"tokens='numbers' .* should be one of \['picture', 'words'\]"):
        fitted(tokens="numbers")


def test_an_array_has_no_names():
    with pytest.raises(TypeError, match="a mapping from name to input, or a frame"):
        MultiInput(TRUNKS).fit(np.zeros((4, 3)), owner=BaseEstimator())
