import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from sklearn_mtl import MultiTaskNetClassifier
from sklearn_mtl.trunks import ConvNet
from sklearn_mtl.trunks._image_range import ImageRange, is_channels_first

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, size=(40, 8, 8, 3), dtype=np.uint8)
Y = BYTES[..., 0].mean(axis=(1, 2)) > 127
DIGITS = load_digits().images[:60]
TYPES = ["uint8", "int64", "uint16", "int32", "float32", "float64"]


def net(**params):
    return MultiTaskNetClassifier(
        **{"trunk": ConvNet(channels=(8,), hidden_size=16), "max_epochs": 4, "random_state": 0, **params}
    )


@pytest.fixture(scope="module")
def fitted():
    return net().fit(BYTES, Y)


@pytest.mark.parametrize("after", TYPES)
@pytest.mark.parametrize("before", TYPES)
def test_the_same_numbers_are_the_same_pictures(before, after):
    learned = net().fit(BYTES.astype(before), Y)
    expected = learned.predict_proba(BYTES.astype(before))
    np.testing.assert_allclose(learned.predict_proba(BYTES.astype(after)), expected, atol=1e-5)
    np.testing.assert_allclose(learned.predict_proba(list(BYTES.astype(after))), expected, atol=1e-5)
    np.testing.assert_allclose(learned.predict_proba(torch.from_numpy(BYTES.astype(after))), expected, atol=1e-5)


def test_shares_and_bytes_of_a_picture_are_the_same(fitted):
    expected = fitted.predict_proba(BYTES)
    np.testing.assert_allclose(fitted.predict_proba(BYTES / 255), expected, atol=1e-5)
    np.testing.assert_allclose(fitted.predict_proba(np.float32(BYTES) / 255), expected, atol=1e-5)
    np.testing.assert_allclose(fitted.predict_proba(BYTES / 255 * 254.9), expected, atol=0.02)
    of_shares = net().fit(BYTES / 255, Y)
    for other in (BYTES, BYTES.astype(int), BYTES.astype(float)):
        np.testing.assert_allclose(of_shares.predict_proba(other), of_shares.predict_proba(BYTES / 255), atol=1e-5)


@pytest.mark.parametrize(
    "X",
    [BYTES - 300.0, BYTES * 10.0, BYTES.astype(int) * 257, BYTES > 127, (BYTES / 255 - 0.5) / 0.2],
    ids=["negative", "too bright", "16 bits", "bool", "standardised"],
)
def test_pictures_of_another_scale_are_refused_after_bytes(fitted, X):
    with pytest.raises(
        ValueError, match=r"X holds images of .* but fit saw numbers from 0 to 255; pass images with"
    ):
        fitted.predict(X)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (DIGITS, DIGITS / 16),
        (DIGITS.astype(np.uint8), DIGITS / 16),
        (BYTES / 255, BYTES.astype(int) * 257),
        ((BYTES / 255 - 0.5) / 0.2, BYTES),
        (BYTES * 10.0, BYTES / 255),
    ],
    ids=["digits", "digits in bytes", "shares, then 16 bits", "standardised, then bytes", "large, then shares"],
)
def test_pictures_of_another_scale_are_refused(before, after):
    learned = net().fit(before, np.arange(len(before)) % 2)
    learned.predict(before)
    with pytest.raises(ValueError, match="pass images with the scale of fit"):
        learned.predict(after)


@pytest.mark.parametrize("after", ["uint8", "int64", "float64", "bool"])
@pytest.mark.parametrize("before", ["uint8", "int64", "float64", "bool"])
def test_black_and_white_is_the_same_in_every_type(before, after):
    X = BYTES > 127
    learned = net().fit(X.astype(before), Y)
    np.testing.assert_allclose(
        learned.predict_proba(X.astype(after)), learned.predict_proba(X.astype(before)), atol=1e-5
    )


@pytest.mark.parametrize("after", ["uint8", "int64", "float64"])
def test_numbers_that_are_no_bytes_are_the_same_in_every_type(after):
    learned = net().fit(DIGITS, np.arange(60) % 2)
    np.testing.assert_allclose(
        learned.predict_proba(DIGITS.astype(after)), learned.predict_proba(DIGITS), atol=1e-5
    )


def test_one_picture_is_read_as_among_others(fitted):
    X = BYTES.copy()
    X[0] = 0
    for form in (X, X / 255, X.astype(int)):
        np.testing.assert_allclose(fitted.predict_proba(form[:1]), fitted.predict_proba(form)[:1], atol=1e-5)


@pytest.mark.parametrize(
    ("X", "kind"),
    [
        (BYTES, "bytes"),
        (BYTES.astype(float), "bytes"),
        (DIGITS.astype(np.uint8), "bytes"),
        (BYTES / 255, "shares"),
        (BYTES > 3, "shares"),
        (DIGITS, "numbers"),
        (BYTES - 100.5, "numbers"),
    ],
)
def test_kinds_of_ranges(X, kind):
    assert ImageRange.of(X).kind == kind


# -- which kind X is


@pytest.mark.parametrize("form", [np.asarray, list, torch.from_numpy])
def test_channels_in_front_are_found(form):
    X = np.moveaxis(BYTES, -1, 1)
    auto = net(trunk="auto", max_epochs=1).fit(form(X), Y)
    assert auto._model.blueprint.trunk.channels_first
    assert auto._model.blueprint.trunk.images_.shape_ == (8, 8, 3)
    with pytest.warns(UserWarning, match="if the channels come first, pass a ConvNet with channels_first=True"):
        net(max_epochs=1).fit(form(X), Y)


def test_shapes_of_channels_in_front():
    assert is_channels_first((3, 8, 8))
    assert not any(map(is_channels_first, [(8, 8, 3), (8, 8, 8), (3, 4, 2), (3, 3, 3), (8, 8)]))


# -- what holds pictures


class Picture:
    """As those of PIL."""

    def __init__(self, pixels):
        self.pixels = pixels

    @property
    def __array_interface__(self):
        return self.pixels.__array_interface__


def test_a_list_of_pictures_is_understood(fitted):
    pictures = [Picture(pixels) for pixels in BYTES]
    np.testing.assert_allclose(fitted.predict_proba(pictures), fitted.predict_proba(BYTES), atol=1e-6)
    assert isinstance(net(trunk="auto", max_epochs=1).fit(pictures, Y)._model.blueprint.trunk, ConvNet)


def test_a_column_of_pictures_is_understood():
    import pandas as pd

    frame = pd.DataFrame({"picture": [Picture(pixels) for pixels in BYTES], "size": np.arange(40.0)})
    learned = net(trunk="auto", max_epochs=1).fit(frame, Y)
    assert isinstance(learned._model.blueprint.trunk.inputs_["picture"], ConvNet)
    with_arrays = frame.assign(picture=list(BYTES))
    np.testing.assert_allclose(learned.predict_proba(with_arrays), learned.predict_proba(frame), atol=1e-6)


def test_a_masked_pixel_is_missing(fitted):
    masked = np.ma.array(BYTES, mask=BYTES[3, 2, 1, 0] == BYTES)
    with pytest.raises(ValueError, match="NaN"):
        fitted.predict(masked)
    np.testing.assert_array_equal(fitted.predict(np.ma.array(BYTES, mask=False)), fitted.predict(BYTES))
