import pickle

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn
from torch.func import functional_call, vmap

from sklearn_mtl import MultiTaskNetEstimator, Targets, architectures
from sklearn_mtl.architectures import Architecture
from sklearn_mtl.nn._layers import Draws, set_draws
from sklearn_mtl.nn._stacking import SideBySide, stack_networks
from sklearn_mtl.testing._trunk import Owner, TrunkCase, gather, network, represent
from sklearn_mtl.trunks import ConvNet, StemOutput
from sklearn_mtl.trunks._conv_net import n_groups
from sklearn_mtl.utils._random import Streams

from ..training.test_stacked import assert_stacked_equals_alone

X = np.random.default_rng(0).normal(5, 3, size=(9, 6, 7, 2))
SMALL = {"channels": (4, 8), "hidden_size": 5}


def built(trunk, X=X):
    fitted, inputs = TrunkCase(trunk, X).fitted()
    return fitted, network(fitted, Streams(0)), inputs


def representation(trunk, X=X):
    _, modules, inputs = built(trunk, X)
    return represent(modules, gather(inputs, slice(None)))


# -- what it computes


def test_it_computes_what_numpy_computes():
    _, (stem, body), inputs = built(ConvNet(channels=(4, 8), hidden_size=5, pool=(2, 3)))
    for stage in body.stages:
        for parameter in stage.norm.parameters():
            nn.init.normal_(parameter, generator=Streams(0).generator("norm"))
    result = body(stem(inputs))
    weights = {name: tensor.detach().numpy() for name, tensor in body.named_parameters()}
    for row in range(3):
        maps = np.moveaxis((X[row] - X.mean(axis=(0, 1, 2))) / X.std(axis=(0, 1, 2)), -1, 0)
        maps = stage_by_hand(maps, weights, 0, n_groups=1)
        padded = np.full((4, 6, 9), -np.inf)
        padded[:, :, :7] = maps
        maps = stage_by_hand(padded.reshape(4, 3, 2, 3, 3).max(axis=(2, 4)), weights, 1, n_groups=2)
        token = np.maximum(maps.reshape(8, -1).T @ weights["position.weight"].T + weights["position.bias"], 0)
        np.testing.assert_allclose(result.token[row].detach(), token)
        heights, widths = np.repeat([-2 / 3, 0, 2 / 3], 3), np.tile([-2 / 3, 0, 2 / 3], 3)
        moments = [np.sqrt(3) * (place[:, None] * token).mean(axis=0) for place in (heights, widths)]
        where = weights["place.weight"] @ np.concatenate(moments) + weights["place.bias"]
        pooled = token.mean(axis=0) + token.max(axis=0) + where
        sample = (pooled - pooled.mean()) / np.sqrt(pooled.var() + 1e-5)
        np.testing.assert_allclose(result.sample[row].detach(), sample)


def stage_by_hand(maps, weights, number, n_groups):
    kernels = weights[f"stages.{number}.conv.weight"]
    conv = np.stack([sum(map(lambda x, k: correlate2d(x, k, mode="same"), maps, of_out)) for of_out in kernels])
    groups = conv.reshape(n_groups, -1)
    deviation = np.sqrt(groups.var(axis=1, keepdims=True) + 1e-5)
    normalized = ((groups - groups.mean(axis=1, keepdims=True)) / deviation).reshape(conv.shape)
    scale, offset = (weights[f"stages.{number}.norm.{name}"][:, None, None] for name in ("weight", "bias"))
    return np.maximum(normalized * scale + offset, 0)


@pytest.mark.parametrize(
    ("size", "channels", "pool", "grid"),
    [
        ((8, 8), (4, 8, 8), 2, (2, 2)),
        ((28, 28), (4, 8, 8), 2, (7, 7)),
        ((64, 48), (4, 8), 3, (22, 16)),
        ((1, 1), (4, 4, 4, 4), 3, (1, 1)),
        ((3, 40), (4, 4, 4), (2, 1), (1, 40)),
        ((2, 5), (4, 4, 4), 2, (1, 2)),
        ((5, 5), (4,), 2, (5, 5)),
    ],
)
def test_grid_of_positions(size, channels, pool, grid):
    images = np.random.default_rng(0).normal(size=(2, *size))
    fitted, modules, inputs = built(ConvNet(channels=channels, pool=pool, hidden_size=3), images)
    assert fitted.grid_ == grid
    result = represent(modules, inputs)
    assert result.token.shape == (2, grid[0] * grid[1], 3)
    assert result.token_mask is None
    assert result.sample.shape == (2, 3)


def test_positions_are_row_by_row():
    trunk = ConvNet(channels=(16, 16), kernel_size=1, pool=(2, 3), normalization=None, hidden_size=16)
    fitted, modules, inputs = built(trunk)
    before = represent(modules, inputs).token[0]
    for height, width in np.ndindex(*X.shape[1:3]):
        changed = {"images": inputs["images"].clone()}
        changed["images"][0, height, width] = 30
        moved = (represent(modules, changed).token[0] != before).any(dim=-1).reshape(fitted.grid_)
        assert np.argwhere(moved.numpy()).tolist() in ([], [[height // 2, width // 3]])


def test_an_image_means_the_same_in_any_form():
    expected = representation(ConvNet(**SMALL)).sample
    torch.testing.assert_close(representation(ConvNet(**SMALL), list(X)).sample, expected)
    result = representation(ConvNet(**SMALL, channels_first=True), np.moveaxis(X, -1, 1))
    torch.testing.assert_close(result.sample, expected)


def test_units_of_images_do_not_matter():
    expected = representation(ConvNet(**SMALL)).sample
    torch.testing.assert_close(representation(ConvNet(**SMALL), 1000 * X - 5).sample, expected)


def test_one_position_is_pooled_and_no_more():
    result = representation(ConvNet(**SMALL, normalization=None, pool=9))
    torch.testing.assert_close(result.sample, 2 * result.token[:, 0])


def test_the_whole_tells_where_something_is():
    images = np.zeros((2, 12, 12))
    images[0, 4, 4] = images[1, 8, 8] = 1.0
    trunk = ConvNet(channels=(4,), kernel_size=1, hidden_size=4)
    tokens = representation(trunk, images).token.sort(dim=1).values
    torch.testing.assert_close(tokens[0], tokens[1])
    sample = representation(trunk, images).sample
    assert not torch.allclose(sample[0], sample[1], atol=1e-3)


def test_images_do_not_depend_on_others_in_training():
    _, modules, inputs = built(ConvNet(**SMALL))
    modules.train()
    whole = represent(modules, inputs).sample
    torch.testing.assert_close(represent(modules, gather(inputs, slice(2, 3))).sample[0], whole[2])


@pytest.mark.parametrize(("n_channels", "expected"), [(1, 1), (4, 1), (8, 2), (12, 3), (32, 8), (30, 6), (512, 8)])
def test_groups_of_channels(n_channels, expected):
    assert n_groups(n_channels) == expected


def test_a_convolution_that_is_not_normalised_has_an_offset():
    for normalization, expected in ((None, ["bias", "weight"]), ("group", ["weight"])):
        _, (_, body), _ = built(ConvNet(**SMALL, normalization=normalization))
        assert sorted(name for name, _ in body.stages[0].conv.named_parameters()) == expected


def test_dropout_drops_whole_channels():
    _, (_, body), _ = built(ConvNet(channels=(16,), dropout=0.4, normalization=None))
    stage, maps = body.stages[0], torch.ones(200, 2, 5, 6).double()
    whole = stage(maps)
    set_draws(stage.train(), Streams(0).generator("dropout"))
    dropped = stage(maps)
    stays = (dropped != 0).any(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(dropped, torch.where(stays, whole / 0.6, 0.0))
    alive = (whole > 0).any(dim=(0, 2, 3))
    assert 1 - stays[:, alive].double().mean().item() == pytest.approx(0.4, abs=0.03)


# -- several stacked networks


def bodies(trunk, names="abc"):
    fitted, _, _ = built(trunk)
    return [fitted.body(Streams(0), name).double() for name in names]


@pytest.mark.parametrize("normalization", ["group", None])
@pytest.mark.parametrize("leading", [(), (1,), (3,)])
def test_bodies_side_by_side_are_bodies_alone(leading, normalization):
    alone = bodies(ConvNet(**SMALL, normalization=normalization))
    images = torch.from_numpy(np.random.default_rng(1).normal(size=(*leading, 4, 6, 7, 2)))
    results = [
        body(StemOutput(rows, 2)) for body, rows in zip(alone, images.expand(3, *images.shape[-4:]), strict=True)
    ]
    together = stack_networks(alone, [0, 1, 2])(StemOutput(images, 2))
    torch.testing.assert_close(together.sample, torch.stack([result.sample for result in results]))
    torch.testing.assert_close(together.token, torch.stack([result.token for result in results]))


def test_some_of_several_bodies():
    alone = bodies(ConvNet(**SMALL))
    images = StemOutput(torch.from_numpy(X), 2)
    chosen = SideBySide(alone)(images.shared(), torch.tensor([2, 0]))
    torch.testing.assert_close(chosen.token, torch.stack([alone[2](images).token, alone[0](images).token]))


def test_images_of_one_body_may_have_leading_axes():
    (body,) = bodies(ConvNet(**SMALL), "a")
    images = torch.from_numpy(X[:8])
    expected, result = body(StemOutput(images, 2)), body(StemOutput(images.view(2, 4, *X.shape[1:]), 2))
    torch.testing.assert_close(result.sample.flatten(0, 1), expected.sample)
    torch.testing.assert_close(result.token.flatten(0, 1), expected.token)


def test_members_draw_channels_to_drop_as_they_do_alone():
    alone = bodies(ConvNet(**SMALL, dropout=0.4))
    stacked, images = stack_networks(alone, [0, 1, 2]), StemOutput(torch.from_numpy(X), 2)
    generators = [Streams(seed).generator("dropout") for seed in (0, 1)]
    set_draws(stacked, Draws(generators, torch.tensor([0, 1, 0])))
    together = stacked(images).sample
    for member, seed in enumerate((0, 1, 0)):
        set_draws(alone[member], Streams(seed).generator("dropout"))
        torch.testing.assert_close(together[member], alone[member](images).sample)


def test_torch_can_map_a_body():
    alone = bodies(ConvNet(**SMALL))
    stacked, images = stack_networks(alone, [0, 1, 2]), StemOutput(torch.from_numpy(X), 2)
    state = dict([*stacked.named_parameters(), *stacked.named_buffers()])
    mapped = vmap(lambda tensors: tuple(functional_call(stacked, tensors, (images,))[:2]))(state)
    torch.testing.assert_close(mapped, tuple(stacked(images)[:2]))


# -- in an estimator


def shapes(n_rows=60, seed=0):
    """Images with a bright row or column, the number of which, and how bright it is; some labels are missing."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 6, 6))
    is_row, number, brightness = rng.random(n_rows) < 0.5, rng.integers(6, size=n_rows), rng.uniform(3, 9, n_rows)
    for image, row, position, value in zip(X, is_row, number, brightness, strict=True):
        image[position if row else slice(None), slice(None) if row else position] += value
    brightness[rng.random(n_rows) < 0.2] = np.nan
    return X, Targets(is_row=is_row, brightness=brightness)


def net(**params):
    defaults = {"trunk": ConvNet(**SMALL), "max_epochs": 3, "batch_size": 16, "random_state": 0}
    return MultiTaskNetEstimator(**(defaults | params))


@pytest.mark.parametrize(
    "params",
    [
        {"trunk__dropout": [0.1, 0.5]},
        {"random_state": [0, 1], "task_weights__is_row": [1.0, 0.3]},
        {"learning_rate": [1e-3, 1e-2], "weight_decay": [0.0, 0.1]},
    ],
    ids=lambda params: "+".join(params),
)
@pytest.mark.parametrize("architecture", ["hard_sharing", "mmoe", "independent"])
def test_a_member_equals_the_fit_alone(params, architecture):
    trunk = ConvNet(**SMALL, dropout=0.2)
    base = net(dtype="float64", trunk=trunk, architecture=architecture, early_stopping=True)
    settings = [dict(zip(params, values, strict=True)) for values in zip(*params.values(), strict=True)]
    fits = [(pickle.loads(pickle.dumps(base)).set_params(**setting), *shapes()) for setting in settings]
    assert_stacked_equals_alone(fits)


def all_architectures():
    types = [getattr(architectures, name) for name in architectures.__all__]
    named = [t for t in types if isinstance(t, type) and issubclass(t, Architecture) and t is not Architecture]
    # those of all tasks, whatever their names
    return [t for t in named if t not in (architectures.TaskGraph, architectures.Grouped)]


@pytest.mark.parametrize("architecture", all_architectures(), ids=lambda architecture: architecture.__name__)
def test_every_architecture_shares_it(architecture):
    X, y = shapes()
    fitted = net(architecture=architecture(), n_members=2, max_epochs=2).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    for name, values in fitted.predict(X).items():
        assert len(values) == len(X)
        np.testing.assert_array_equal(again.predict(X, tasks=[name])[name], values)


def test_it_learns_digits():
    digits = load_digits()
    images = (digits.images * 15).astype(np.uint8)
    X, X_test, y, y_test = train_test_split(images, digits.target, train_size=900, random_state=0)
    fitted = MultiTaskNetEstimator(trunk=ConvNet(), max_epochs=10, random_state=0).fit(X, y)
    assert fitted.score(X_test, y_test) > 0.95


def test_it_is_searched_in_a_pipeline():
    X, y = shapes()
    pipeline = make_pipeline(FunctionTransformer(np.abs), net(max_epochs=2))
    grid = {"multitasknetestimator__trunk__channels": [(4,), (4, 4)]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, y["is_row"])
    again = pipeline.set_params(**search.best_params_).fit(X, y["is_row"])
    np.testing.assert_array_equal(search.predict(X), again.predict(X))


def test_an_estimator_goes_from_a_table_to_images():
    X, y = shapes()
    estimator = net(trunk="mlp").fit(X[:, 0], y)
    assert estimator.n_features_in_ == 6
    estimator.set_params(trunk=ConvNet(**SMALL)).fit(X, y)
    assert not hasattr(estimator, "n_features_in_")
    assert estimator.partial_fit(X, y).transform(X).shape == (60, 5)


# -- errors


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"channels": ()}, r"channels=\(\) of ConvNet should be one or more integers"),
        ({"channels": (4, 0)}, "channels"),
        ({"channels": (4, 2.5)}, "channels"),
        ({"channels": (True,)}, "channels"),
        ({"channels": "abc"}, "channels"),
        ({"channels": 32}, "channels"),
        ({"kernel_size": 4}, "kernel_size=4 of ConvNet should be an odd integer of at least 1, or a pair"),
        ({"kernel_size": (3, 2)}, "kernel_size"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size"),
        ({"kernel_size": 0}, "kernel_size"),
        ({"pool": 0}, "pool"),
        ({"pool": (2, 0)}, r"pool=\(2, 0\) of ConvNet should be an integer of at least 1, or a pair"),
        ({"pool": (2, 1.5)}, "pool"),
        ({"pool": "max"}, "pool"),
        ({"hidden_size": 1}, "hidden_size"),
        ({"normalization": "batch"}, "normalization"),
        ({"dropout": 1.0}, "dropout"),
        ({"channels_first": "yes"}, "channels_first"),
    ],
)
def test_bad_parameters_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        ConvNet(**params).fit(X, owner=Owner())


def test_images_are_checked_before_training():
    with pytest.raises(ValueError, match=r"row 3 of X is of shape \(5, 6\), row 0 of shape \(6, 6\)"):
        net().fit([*shapes()[0][:3], np.zeros((5, 6)), *shapes()[0][4:]], shapes()[1])
    with pytest.raises(ValueError, match=r"images of shape \(5, 6, 1\).* fitted to images of shape \(6, 6, 1\)"):
        net().fit(*shapes()).predict(shapes()[0][:, 1:])
