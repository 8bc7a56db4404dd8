import numpy as np
import pytest
from scipy.special import expit

from sklearn_mtl.tasks._base import logit_of_mean


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_the_mean_is_that_of_the_probabilities(dtype):
    outputs = np.random.default_rng(0).normal(scale=5, size=(4, 50, 3)).astype(dtype)
    mean = logit_of_mean(outputs)
    assert (mean.dtype, mean.shape) == (dtype, (50, 3))
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    np.testing.assert_allclose(expit(mean), expit(outputs).mean(axis=0), rtol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
def test_the_mean_of_equal_logits_is_what_they_are(dtype):
    logits = np.array([-700.0, -80.0, -17.0, -1e-3, 0.0, 1e-3, 17.0, 80.0, 700.0], dtype=dtype)
    # an absolute error of the size of the rounding of 1 is negligible in a probability
    np.testing.assert_allclose(
        logit_of_mean(np.stack([logits] * 3)), logits, rtol=2 * np.finfo(dtype).eps, atol=1e-15
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("n_members", [2, 3, 10])
def test_smaller_logits_have_no_larger_mean(dtype, n_members):
    """A child that is no more probable than its parent for any member is not for all together."""
    rng = np.random.default_rng(0)
    shape = (n_members, 20_000, 1)
    high = rng.normal(size=shape) * 10 ** rng.uniform(-2, 4, size=shape)
    high[:, :100] = rng.choice([-1e4, 0.0, 1e4], size=(n_members, 100, 1))
    high = high.astype(dtype)
    low = np.where(rng.random(shape) < 0.8, high, np.nextafter(high, dtype(-np.inf)))
    low, high = logit_of_mean(low), logit_of_mean(high)
    assert np.isfinite([low, high]).all()
    assert (low <= high).all()
