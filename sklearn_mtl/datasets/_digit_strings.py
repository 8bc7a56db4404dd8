"""Images of digit strings, with a class for the string and a tag for each digit."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from ..targets import Targets

SIDE = 8  # pixels of a digit
N_TRAIN = 1297  # handwritten digits for training; the other 500 are for tests
BRIGHTEST = 255


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "min_digits": [Interval(Integral, 1, None, closed="left")],
        "max_digits": [Interval(Integral, 1, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "subset": [StrOptions({"train", "test", "all"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_digit_strings(
    n_samples: int = 1000,
    *,
    min_digits: int = 1,
    max_digits: int = 4,
    noise: float = 0.1,
    subset: str = "all",
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, Targets]:
    """Generate images of strings of handwritten digits, with tags from left to right.

    The digits are those of `sklearn.datasets.load_digits`, drawn at random, 8 x 8 pixels each. The right part of
    the image of a shorter string is empty.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of images.
    min_digits, max_digits : int, default=1 and 4
        Shortest and longest string; all lengths are equally likely.
    noise : float, default=0.1
        Standard deviation of the noise of each pixel, as a share of the largest brightness.
    subset : {"train", "test", "all"}, default="all"
        Handwritten digits to draw from: the first 1,297, the last 500, or all. No digit of "test" occurs in
        "train".
    random_state : int, RandomState or None, default=None
        Source of random numbers.

    Returns
    -------
    X : ndarray of uint8 of shape (n_samples, 8, 8 * max_digits)
        Grey images.
    y : Targets
        "largest", the largest digit of the string, (n_samples,); "digits", the digits from left to right,
        (n_samples, max_digits), with -1 after the last.

    Raises
    ------
    ValueError
        If ``min_digits`` is larger than ``max_digits``.

    Examples
    --------
    >>> from sklearn_mtl.datasets import make_digit_strings
    >>> X, y = make_digit_strings(3, max_digits=5, random_state=0)
    >>> X.shape
    (3, 8, 40)
    >>> y["digits"]
    array([[ 5,  4,  8,  4,  1],
           [ 1, -1, -1, -1, -1],
           [ 2,  5,  6,  3, -1]])
    >>> y["largest"]
    array([8, 1, 6])
    """
    if min_digits > max_digits:
        raise ValueError(f"min_digits={min_digits} is larger than max_digits={max_digits}.")
    rng = check_random_state(random_state)
    written, values = _handwritten(subset)
    lengths = rng.randint(min_digits, max_digits + 1, size=n_samples)
    there = np.arange(max_digits) < lengths[:, None]
    drawn = rng.randint(len(values), size=(n_samples, max_digits))
    digits = np.where(there, values[drawn], -1)
    strips = np.where(there[:, :, None, None], written[drawn], 0.0)
    images = strips.transpose(0, 2, 1, 3).reshape(n_samples, SIDE, max_digits * SIDE)
    noisy = images + noise * rng.standard_normal(images.shape)
    X = np.round(BRIGHTEST * noisy.clip(0, 1)).astype(np.uint8)
    return X, Targets(largest=digits.max(axis=1), digits=digits)


def _handwritten(subset: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, 8, 8) with values from 0 to 1, and their digits."""
    digits = load_digits()
    rows = {"train": slice(N_TRAIN), "test": slice(N_TRAIN, None), "all": slice(None)}[subset]
    return digits.images[rows] / digits.images.max(), digits.target[rows]
