import numpy as np
import pytest
from sklearn.datasets import load_digits

from sklearn_mtl.datasets import make_digit_strings


def digits_of(X, n_digits):
    """Cut images into the digits that stand in them, (n, n_digits, 8, 8)."""
    return X.reshape(len(X), 8, n_digits, 8).transpose(0, 2, 1, 3)


def test_without_noise_each_digit_is_one_that_was_written():
    X, y = make_digit_strings(20, max_digits=3, noise=0, random_state=0)
    source = load_digits()
    pairs = zip(source.images, source.target, strict=True)
    written = {np.round(255 * image / 16).astype(np.uint8).tobytes(): target for image, target in pairs}
    for strips, tags in zip(digits_of(X, 3), y["digits"], strict=True):
        for strip, tag in zip(strips, tags, strict=True):
            assert written[strip.tobytes()] == tag if tag >= 0 else strip.max() == 0


def test_strings_have_all_lengths_and_end_in_padding():
    _, y = make_digit_strings(300, min_digits=2, max_digits=5, random_state=0)
    there = y["digits"] >= 0
    assert set(there.sum(axis=1)) == {2, 3, 4, 5}
    assert (there[:, :-1] >= there[:, 1:]).all()
    np.testing.assert_array_equal(y["largest"], y["digits"].max(axis=1))


def test_train_and_test_have_no_digit_in_common():
    images = {}
    for subset in ("train", "test"):
        X, y = make_digit_strings(2000, min_digits=4, max_digits=4, noise=0, subset=subset, random_state=0)
        images[subset] = {digit.tobytes() for digit in digits_of(X, 4).reshape(-1, 8, 8)}
        assert set(np.unique(y["digits"])) == set(range(10))
    # a few digits are the same, pixel by pixel, as one in the other part
    assert len(images["train"] & images["test"]) <= 1


def test_the_same_seed_gives_the_same_images_and_noise_changes_them():
    (X, y), (again, _), (noisy, same) = (
        make_digit_strings(5, noise=noise, random_state=3) for noise in (0.1, 0.1, 0.3)
    )
    assert X.dtype == np.uint8
    np.testing.assert_array_equal(X, again)
    assert y == same
    assert (noisy != X).mean() > 0.2


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="min_digits=5 is larger than max_digits=4"):
        make_digit_strings(min_digits=5)
    with pytest.raises(ValueError, match="'subset' parameter"):
        make_digit_strings(subset="valid")
