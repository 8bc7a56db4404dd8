import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_mtl.trunks._scaling import PiecewiseLinear, Ranks, Scaler, fit_bins, fit_ranks, fit_scaler

RNG = np.random.default_rng(0)
COLUMNS = {
    "uniform": RNG.random(2000),
    "skewed": np.exp(3 * RNG.normal(size=2000)),
    "few values": RNG.integers(0, 4, size=2000).astype(float),
    "mostly zero": np.where(RNG.random(2000) < 0.9, 0.0, RNG.normal(size=2000)),
    "few rows": np.array([3.0, 1.0, 2.0]),
}
columns = pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS.keys())


def ranks_of(column, weight=None, at=None, dtype=torch.float64):
    module = Ranks(*fit_ranks(column[:, None], weight)).to(dtype)
    return module(torch.as_tensor(column if at is None else at, dtype=dtype)[:, None]).numpy()[:, 0]


@columns
def test_ranks_keep_the_order(column):
    ordered = np.sort(column)
    steps = np.diff(ranks_of(column, at=ordered))
    assert (steps >= 0).all()
    assert (steps[np.diff(ordered) == 0] == 0).all()


@pytest.mark.parametrize("name", ["uniform", "skewed", "few values", "few rows"])
def test_ranks_are_shares_of_the_rows_below(name):
    column = COLUMNS[name]
    share = ranks_of(column) / np.sqrt(12) + 0.5
    below, up_to = ((column[None] < column[:, None]).mean(1), (column[None] <= column[:, None]).mean(1))
    tolerance = 1 / 255 + 1 / len(column)
    assert (share >= below - tolerance).all()
    assert (share <= up_to + tolerance).all()


@columns
def test_ranks_do_not_depend_on_monotone_changes_of_scale(column):
    np.testing.assert_allclose(ranks_of(5 * column - 2), ranks_of(column), atol=1e-9)


def test_ranks_of_many_values_have_mean_zero_and_deviation_one():
    ranks = ranks_of(COLUMNS["skewed"])
    assert ranks.mean() == pytest.approx(0, abs=0.01)
    assert ranks.std() == pytest.approx(1, abs=0.01)


@columns
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_beyond_the_training_rows_ranks_stay_what_they_are(column, dtype):
    far = [-1e30, column.min(), column.max(), 1e30]
    lowest, smallest, largest, highest = ranks_of(column, at=far, dtype=dtype)
    assert lowest == smallest < largest == highest


def test_a_constant_column_has_one_rank():
    assert ranks_of(np.full(5, 7.0), at=[6.0, 7.0, 8.0]).tolist() == pytest.approx([0, 0, 0], abs=1e-12)


def test_sample_weights_are_multiplicities():
    column, times = COLUMNS["uniform"][:50], np.arange(50) % 3
    weighted = ranks_of(column, weight=times.astype(float))
    np.testing.assert_allclose(weighted, ranks_of(np.repeat(column, times), at=column))


def test_columns_are_ranked_each_by_itself():
    pair = np.column_stack([COLUMNS["uniform"], COLUMNS["skewed"]])
    together = Ranks(*fit_ranks(pair, None))(torch.from_numpy(pair)).numpy()
    for column, name in enumerate(["uniform", "skewed"]):
        np.testing.assert_array_equal(together[:, column], ranks_of(COLUMNS[name]))


def squash(values, dtype=torch.float32):
    column = np.random.default_rng(0).normal(size=(100, 1))
    return Scaler(*fit_scaler(column, None), squashed=True).to(dtype)(torch.tensor(values, dtype=dtype)[:, None])


@given(st.lists(st.floats(-3e38, 3e38), min_size=2))
def test_no_number_of_single_precision_is_too_large_to_be_squashed(values):
    squashed = squash(sorted(values))[:, 0]
    assert (squashed.abs() <= 3 + 1e-5).all()
    assert (squashed.diff() >= -1e-5).all()


def bins_of(column, n_bins=8, weight=None, at=None, dtype=torch.float64):
    module = PiecewiseLinear(fit_bins(column[:, None], n_bins, weight)).to(dtype)
    return module(torch.as_tensor(column if at is None else at, dtype=dtype)[:, None]).numpy()


@columns
def test_bins_are_filled_one_after_the_other(column):
    filled = bins_of(column, at=np.sort(column))
    assert ((filled >= 0) & (filled <= 1)).all()
    assert (np.diff(filled, axis=0) >= 0).all()
    used = filled[:, filled[-1] > 0]
    assert (used[-1] == 1).all()
    assert (used[0] == 0).all()
    # one begins where the one before is full
    assert ((used[:, 1:] == 0) | (used[:, :-1] == 1)).all()


def test_a_line_is_a_weighted_sum_of_the_bins():
    column = COLUMNS["skewed"]
    edges = fit_bins(column[:, None], 8, None)
    np.testing.assert_allclose(edges[0, 0] + bins_of(column) @ np.diff(edges)[0], column)


def test_bins_hold_about_as_many_rows_each():
    counts = np.histogram(COLUMNS["skewed"], fit_bins(COLUMNS["skewed"][:, None], 8, None)[0])[0]
    assert counts.tolist() == pytest.approx([250] * 8, abs=1)


def test_values_beside_a_frequent_one_have_bins_of_their_own():
    column = np.concatenate([np.zeros(9200), np.arange(1.0, 801)])
    edges = fit_bins(column[:, None], 8, None)[0]
    assert edges[0] == 0
    assert np.diff(edges[edges > 0]).max() < 130
    assert (edges > 0).sum() >= 7


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("column", [[7.0], [0.0, 1e-44], [-3e38, 3e38], [0.0, 0.0, 1.0]])
def test_bins_are_finite_for_any_number(column, dtype):
    filled = bins_of(np.array(column), at=[-3.4e38, *column, 3.4e38], dtype=dtype)
    assert ((filled >= 0) & (filled <= 1)).all()


def test_weights_of_bins_are_multiplicities():
    column, times = COLUMNS["uniform"][:50], np.arange(50) % 3
    weighted = bins_of(column, weight=times.astype(float))
    np.testing.assert_allclose(weighted, bins_of(np.repeat(column, times), at=column))


def test_squashed_numbers_have_gradients():
    numbers = torch.tensor([[-7.0], [-0.5], [0.0], [2.0], [40.0]], dtype=torch.float64)
    scaler = Scaler(np.array([1.0]), np.array([2.0]), squashed=True)
    moving = numbers.clone().requires_grad_()
    found = scaler(moving)
    torch.testing.assert_close(found, scaler(numbers))
    assert torch.autograd.gradcheck(scaler, (moving,))
