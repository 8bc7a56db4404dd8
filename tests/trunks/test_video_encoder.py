import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.testing._trunk import Owner, TrunkCase, gather, network, represent
from sklearn_mtl.trunks import ConvNet, SequenceEncoder, StemOutput, VideoEncoder
from sklearn_mtl.utils._random import Streams

from .._helpers import as_member, why_not_stacked
from ..training.test_stacked import assert_stacked_equals_alone

X = np.random.default_rng(0).normal(5, 3, size=(6, 4, 5, 7, 2))


def small(encoder="recurrent", **params):
    frames = ConvNet(channels=(4, 8), hidden_size=5, **params)
    return VideoEncoder(frames, SequenceEncoder(encoder, hidden_size=8, dropout=0.0))


def representation(trunk, X=X):
    trunk, inputs = TrunkCase(trunk, X).fitted()
    return represent(network(trunk, Streams(0)), gather(inputs, slice(None)))


# -- a spec of specs


def test_parameters_inside_are_parameters():
    trunk = small()
    assert trunk.get_params()["frames__channels"] == (4, 8)
    assert trunk.get_params()["sequence__hidden_size"] == 8
    other = clone(trunk).set_params(frames__channels=(6,), sequence__encoder="convolutional")
    assert (other.frames.channels, other.sequence.encoder) == ((6,), "convolutional")
    assert (trunk.frames.channels, trunk.sequence.encoder) == ((4, 8), "recurrent")


def test_parameters_of_defaults_can_be_set():
    trunk = VideoEncoder().set_params(frames__channels=(4,), sequence__hidden_size=6)
    assert trunk.fit(X, owner=Owner()).width_ == 6
    assert trunk.frames_.channels == (4,)
    untouched = VideoEncoder().fit(X, owner=Owner())
    assert untouched.frames_.channels == ConvNet().channels


def test_fit_leaves_the_specs_unfitted():
    trunk = small().fit(X, owner=Owner())
    for spec in (trunk.frames, trunk.sequence):
        assert not [name for name in vars(spec) if name.endswith("_")]


# -- what it computes


def test_it_encodes_the_images_that_the_net_of_frames_represents():
    trunk, inputs = TrunkCase(small(), X).fitted()
    stem, body = network(trunk, Streams(0))
    frames = ConvNet(channels=(4, 8), hidden_size=5).fit(X.reshape(-1, 5, 7, 2), owner=Owner())
    one_by_one = torch.stack(
        [body.frames(frames.stem(Streams(0)).double()({"images": torch.from_numpy(video)})).sample for video in X]
    )
    expected, result = body.sequence(StemOutput(one_by_one, 1)), body(stem(inputs))
    torch.testing.assert_close(result.sample, expected.sample)
    torch.testing.assert_close(result.token, expected.token)
    assert result.token.shape == (6, 4, 8)
    assert result.token_mask.all()


class Recorded(Streams):
    def __init__(self, seed):
        super().__init__(seed)
        self.purposes = []

    def generator(self, *purpose, **params):
        self.purposes.append(purpose)
        return super().generator(*purpose, **params)


def test_frames_and_their_sequence_start_from_generators_of_their_own():
    streams = Recorded(0)
    small().fit(X, owner=Owner()).body(streams, "body")
    assert len(streams.purposes) >= 2
    assert len(set(streams.purposes)) == len(streams.purposes)


def test_the_order_of_frames_matters():
    forward, backward = representation(small()), representation(small(), X[:, ::-1])
    assert not torch.allclose(forward.sample, backward.sample, atol=1e-3)


def test_channels_may_come_first():
    expected = representation(small())
    result = representation(small(channels_first=True), np.moveaxis(X, -1, 2))
    torch.testing.assert_close(result.sample, expected.sample)


def test_schema():
    trunk = small().fit(X, owner=Owner())
    assert trunk.video_shape_ == (4, 5, 7, 2)
    assert (trunk.stem_width_, trunk.width_, trunk.grid_) == (2, 8, None)
    assert trunk.lengths(X).tolist() == [4] * 6
    assert small().fit(X[..., 0], owner=Owner()).video_shape_ == (4, 5, 7, 1)


# -- in an estimator


def moving(n_rows=80):
    """A bright column that moves left or right; bytes."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 60, size=(n_rows, 4, 6, 6), dtype=np.uint8)
    right, start = rng.random(n_rows) < 0.5, rng.integers(3, size=n_rows)
    for video, to_right, first in zip(X, right, start, strict=True):
        for step in range(4):
            video[step, :, first + step if to_right else 5 - first - step] = 255
    return X, np.where(right, "right", "left")


@pytest.mark.parametrize("encoder", ["recurrent", "convolutional", "transformer"])
def test_it_learns_where_something_moves(encoder):
    X, y = moving()
    net = MultiTaskNetEstimator(trunk=small(encoder), max_epochs=60, learning_rate=1e-2, random_state=0)
    assert net.fit(X[:60], y[:60]).score(X[60:], y[60:]) > 0.9


def test_fits_with_a_convolutional_encoder_go_side_by_side():
    X, y = moving(40)
    net = MultiTaskNetEstimator(
        trunk=small("convolutional").set_params(sequence__token_dropout=0.0),
        dtype="float64", max_epochs=3, batch_size=16, random_state=0,
    )  # fmt: skip
    assert why_not_stacked(as_member(clone(net), X, y)) is None
    assert_stacked_equals_alone([(clone(net).set_params(learning_rate=rate), X, y) for rate in (1e-3, 1e-2)])


def test_a_recurrent_encoder_says_why_not():
    assert "recurrent" in VideoEncoder().not_stackable
    assert small("convolutional").not_stackable is None


# -- errors


@pytest.mark.parametrize(
    ("trunk", "message"),
    [
        (VideoEncoder(frames="conv_net"), "frames"),
        (VideoEncoder(sequence=ConvNet()), "sequence"),
        (VideoEncoder(frames=ConvNet(pool=0)), "pool"),
        (VideoEncoder(frames=ConvNet(kernel_size=2)), "kernel_size=2 of ConvNet"),
        (VideoEncoder(sequence=SequenceEncoder(n_layers=0)), "n_layers"),
    ],
)
def test_bad_parameters_are_refused(trunk, message):
    with pytest.raises(ValueError, match=message):
        trunk.fit(X, owner=Owner())


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (X[0, 0], r"videos, as an array of shape \(n, T, H, W, C\), or .* grey; got shape \(5, 7, 2\)"),
        ([*X[:3], X[3, 1:]], r"videos should all be of one shape; row 3 of X is of shape \(3, 5, 7, 2\)"),
    ],
)
def test_bad_videos_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        small().fit(X, owner=Owner())


def test_later_videos_are_checked():
    trunk = small().fit(X, owner=Owner())
    with pytest.raises(ValueError, match=r"shape \(3, 5, 7, 2\) .* fitted to videos of shape \(4, 5, 7, 2\)"):
        trunk.encode(X[:, 1:], owner=Owner())
