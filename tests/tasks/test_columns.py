import pytest
import torch

from sklearn_mtl.tasks._columns import ColumnsHead

B, D, K = 3, 5, 4


def head(n_columns, grid):
    return ColumnsHead(D, n_columns, K, grid, torch.Generator().manual_seed(0)).double()


def maps(height, width, *axes):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*axes, B, height, width, D, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("width", "n_columns"), [(6, 3), (6, 6), (6, 4), (3, 5)])
def test_shapes_with_members_in_front(width, n_columns):
    x = maps(2, width, 7)
    module = head(n_columns, (2, width))
    outputs = module(x.flatten(-3, -2))
    assert outputs.shape == (7, B, n_columns, K)
    for member in range(7):
        torch.testing.assert_close(outputs[member], module(x[member].flatten(-3, -2)))


def test_a_column_sees_nothing_of_the_others():
    x = maps(2, 6)
    module = head(3, (2, 6))
    before = module(x.flatten(-3, -2))
    x[:, :, 2:4] += 1.0  # the second of three columns
    after = module(x.flatten(-3, -2))
    changed = (before != after).any(dim=-1)
    assert changed.tolist() == [[False, True, False]] * B


def test_columns_run_from_left_to_right():
    x = maps(2, 6)
    flipped = x.flip(2)
    module = head(6, (2, 6))
    torch.testing.assert_close(module(x.flatten(-3, -2)), module(flipped.flatten(-3, -2)).flip(1))


def test_columns_that_do_not_fit_are_means_of_those_they_overlap():
    x = maps(1, 3)
    module = head(2, (1, 3))
    means = torch.stack([x[:, 0, :2].mean(dim=1), x[:, 0, 1:].mean(dim=1)], dim=1)
    torch.testing.assert_close(module(x.flatten(-3, -2)), module.linear(means))
