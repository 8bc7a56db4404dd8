import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.preprocessing import StandardScaler

from sklearn_mtl.testing._trunk import Owner
from sklearn_mtl.trunks._images import VIDEOS, Images, channel_scale

X = np.random.default_rng(0).normal(5, 3, size=(7, 4, 5, 2))
BYTES = np.random.default_rng(0).integers(0, 256, size=(7, 4, 5, 2), dtype=np.uint8)
NAN = np.nan


def fitted(X, sample_weight=None, axes=None, channels_first=False):
    images = Images(channels_first, np.dtype("float64"), *([] if axes is None else [axes]))
    return images.fit(X, Owner(), sample_weight)


def encoded(X, **params):
    (tensor,) = fitted(X, **params).encode(X, Owner()).values()
    return tensor.numpy()


def scaled(X, **params):
    images = fitted(X, **params)
    return images.stem().double()(images.encode(X, Owner())).values.numpy()


def objects(images):
    column = np.empty(len(images), dtype=object)
    column[:] = list(images)
    return column


# -- forms of X


@pytest.mark.parametrize(
    "form",
    [list, tuple, objects, lambda X: pd.Series(list(X), index=range(3, 10)), torch.from_numpy, np.ndarray.tolist],
    ids=["list", "tuple", "objects", "series", "tensor", "nested lists"],
)
@pytest.mark.parametrize("X", [X, X[..., 0], (100 * X).astype(int)], ids=["colour", "grey", "integers"])
def test_images_come_in_many_forms(form, X):
    np.testing.assert_array_equal(encoded(form(X)), encoded(X))


def test_channels_may_come_first():
    np.testing.assert_array_equal(encoded(np.moveaxis(X, -1, 1), channels_first=True), X)
    np.testing.assert_array_equal(encoded(X[..., 0], channels_first=True), X[..., :1])
    assert fitted(np.moveaxis(X, -1, 1), channels_first=True).shape_ == (4, 5, 2)


def test_grey_images_get_a_channel():
    np.testing.assert_array_equal(encoded(X[..., 0]), X[..., :1])


def test_videos_have_images_each():
    assert fitted(X, axes=VIDEOS).shape_ == (4, 5, 2, 1)
    np.testing.assert_array_equal(encoded(X, axes=VIDEOS), X[..., None])
    np.testing.assert_array_equal(encoded(X[:, :, None], axes=VIDEOS, channels_first=True), X[..., None])


def test_bytes_stay_bytes():
    assert encoded(BYTES).dtype == np.uint8
    assert encoded(list(BYTES)).dtype == np.uint8
    assert encoded(BYTES.astype(np.int16)).dtype == np.uint8
    np.testing.assert_array_equal(encoded(BYTES.astype(float)), BYTES)


def test_numbers_are_of_the_dtype_of_the_estimator_and_share_memory():
    assert np.shares_memory(encoded(X), X)
    assert encoded(X.astype(np.float32)).dtype == np.float64
    np.testing.assert_array_equal(encoded(X > 0), np.uint8(255) * (X > 0))  # which stands for 1


def test_read_only_images_are_taken():
    view = X.view()
    view.flags.writeable = False
    np.testing.assert_array_equal(encoded(view), X)


# -- scale


@pytest.mark.parametrize("weight", [None, np.arange(7.0)])
def test_scale_is_that_of_scikit_learn_over_all_pixels(weight):
    pixels = X.reshape(-1, 2)
    by_pixel = None if weight is None else weight.repeat(20)
    expected = StandardScaler().fit(pixels, sample_weight=by_pixel).transform(pixels).reshape(X.shape)
    np.testing.assert_allclose(scaled(X, sample_weight=weight), expected, atol=1e-12)


def test_bytes_are_numbers_from_0_to_1():
    images = fitted(BYTES)
    assert 0.4 < images.mean_.min() < images.mean_.max() < 0.6
    of_bytes = images.stem().double()(images.encode(BYTES, Owner())).values
    of_numbers = images.stem().double()(images.encode(BYTES / 255, Owner())).values
    torch.testing.assert_close(of_bytes, of_numbers)
    assert of_bytes.mean(dim=(0, 1, 2)).abs().max() < 1e-12


def test_scale_of_many_images_is_that_of_all(monkeypatch):
    expected = channel_scale(X, np.arange(7.0))
    monkeypatch.setattr("sklearn_mtl.trunks._images.CHUNK", 50)
    np.testing.assert_allclose(channel_scale(X, np.arange(7.0)), expected)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
def test_a_constant_channel_becomes_zero(value):
    constant = X.copy()
    constant[..., 1] = value
    result = scaled(constant)
    np.testing.assert_allclose(result[..., 1], 0, atol=1e-6)
    assert result[..., 0].std() == pytest.approx(1)


def test_members_may_have_scales_of_their_own():
    stems = [fitted(images).stem().double() for images in (X, 2 * X + 1)]
    stacked = fitted(X).stem().double()
    for name in ("offset", "factor"):
        setattr(stacked, name, torch.stack([getattr(stem, name) for stem in stems]))
    shared, own = torch.from_numpy(X), torch.from_numpy(np.stack([X, X[::-1]]))
    for images in (shared, own):
        each = [
            stem({"images": rows}).values for stem, rows in zip(stems, images.expand(2, *X.shape), strict=True)
        ]
        torch.testing.assert_close(stacked({"images": images}).values, torch.stack(each))


# -- errors


def with_value(value):
    images = X.copy()
    images[3, 1, 2, 0] = value
    return images


def with_row(image):
    return [*X[:4], image, *X[4:]]


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (X[0, 0], ValueError, r"images, as an array of shape \(n, H, W, C\), or .* grey; got shape \(5, 2\)"),
        (X[None], ValueError, r"got shape \(1, 7, 4, 5, 2\)"),
        (pd.DataFrame(X[0, 0]), ValueError, r"got shape \(5, 2\)"),
        (csr_matrix(X[0, 0]), TypeError, "sparse matrix"),
        (3, TypeError, "got int"),
        ("image.png", TypeError, "got str"),
        (["a.png", "b.png"], ValueError, "images of numbers, but is of dtype <U5"),
        (X.astype(str), ValueError, "images of numbers"),
        (X + 1j, ValueError, "images of numbers, but is of dtype complex128"),
        (with_value(NAN), ValueError, "X contains NaN"),
        (with_value(np.inf), ValueError, "X contains infinity"),
        (with_row(X[0, 1:]), ValueError, r"row 4 of X is of shape \(3, 5, 2\), row 0 of shape \(4, 5, 2\)"),
        (objects(with_row(X[0, ..., 0])), ValueError, r"row 4 of X is of shape \(4, 5\)"),
        (with_row(None), ValueError, r"row 4 of X is of shape \(\)"),
        (with_row([[1, 2], [3]]), ValueError, "row 4 of X is not one of the images"),
        (with_row(BYTES[0]), ValueError, "none of them; row 4 of X is of dtype uint8, row 0 of .* float64"),
        (X[:0], ValueError, "0 sample"),
        ([], ValueError, "0 sample"),
        (X[:, :0], ValueError, r"without a pixel: its shape is \(7, 0, 5, 2\)"),
        (X[..., :0], ValueError, "without a pixel"),
    ],
)
def test_bad_images_are_refused(X, error, message):
    with pytest.raises(error, match=message):
        fitted(X)


def test_numbers_that_are_too_large_are_refused():
    with pytest.raises(ValueError, match="infinity or a value too large"):
        Images(False, np.dtype("float32")).fit(with_value(1e300), Owner(), None)


def test_words_are_those_of_videos():
    with pytest.raises(ValueError, match=r"videos, .* of shape \(n, T, C, H, W\), or .*\(n, T, H, W\)"):
        fitted(X[0], axes=VIDEOS, channels_first=True)
    with pytest.raises(ValueError, match="videos should all be of one shape; row 1 of X"):
        fitted([X[:3], X[:4]], axes=VIDEOS)


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (X[:, 1:], r"images of shape \(3, 5, 2\) .* Owner was fitted to images of shape \(4, 5, 2\)"),
        (X[..., :1], r"images of shape \(4, 5, 1\)"),
        (X[..., 0], r"images of shape \(4, 5, 1\)"),
        (X[0, 0], "got shape"),
        (with_value(NAN), "contains NaN"),
        (X[:0], "0 sample"),
    ],
)
def test_later_images_are_checked(later, message):
    images = fitted(X)
    with pytest.raises(ValueError, match=message):
        images.encode(later, Owner())


def test_what_an_earlier_fit_to_a_table_left_is_dropped():
    owner = Owner()
    owner.n_features_in_, owner.feature_names_in_ = 2, np.array(["a", "b"])
    Images(False, np.dtype("float32")).fit(X, owner, None)
    assert vars(owner) == {}
