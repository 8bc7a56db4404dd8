import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import huber_loss, l1_loss, mse_loss

from sklearn_mtl import MultiTaskNetEstimator, Targets, load_model, save_model
from sklearn_mtl.tasks import Regression
from sklearn_mtl.tasks._bounds import read_bounds

LABELS = np.array([1.0, ">2", "<= 3.5", None, "4", ">=-1e2", "≤ .5", float("nan"), 6], dtype=object)
VALUES = [1, 2, 3.5, np.nan, 4, -100, 0.5, np.nan, 6]
SIDES = [0, 1, -1, 0, 0, 1, -1, 0, 0]


def plain(loss="squared_error", **params):
    return Regression(loss=loss, standardize=False, bounds=True, **params)


def loss_of(task, labels, predicted):
    target = torch.from_numpy(task.encode(labels).target)
    return task.elementwise_loss(torch.as_tensor(predicted, dtype=torch.float64)[:, None], target)[:, 0]


def test_limits_are_read():
    values, sides = read_bounds(LABELS)
    np.testing.assert_array_equal(values, VALUES)
    np.testing.assert_array_equal(sides, SIDES)


@pytest.mark.parametrize("label", ["", "  ", ">", "about 3", "3<", "<>4", "1,5", ["2"]])
def test_what_is_no_number_is_refused(label):
    labels = np.array([1.0, None], dtype=object)
    labels[1] = label
    with pytest.raises(ValueError, match=r'row 1: expected a number, or a text such as "<0.5" or ">10", got'):
        plain().fit(labels)


@settings(max_examples=60, deadline=None)
@given(text=st.text("<>=≤≥ 0123456789.-+einfa\n", max_size=6))
def test_any_text_is_a_number_or_refused(text):
    number = text.strip().lstrip("<>≤≥").removeprefix("=").strip()
    try:
        expected = float(number)
    except ValueError:
        expected = None
    labels = np.array([text], dtype=object)
    if expected is None:
        with pytest.raises(ValueError, match="row 0: expected a number"):
            read_bounds(labels)
    elif text.strip().startswith(number):
        assert read_bounds(labels)[0][0] == pytest.approx(expected, nan_ok=True)


def test_infinity_and_missing_limits_are_refused():
    with pytest.raises(ValueError, match="infinity"):
        plain().fit(np.array([1.0, ">inf"], dtype=object))
    with pytest.raises(ValueError, match="all labels are missing"):
        plain().fit(np.array(["nan", None], dtype=object))


def test_texts_without_bounds_are_refused_as_before():
    with pytest.raises(ValueError, match="must be numbers"):
        Regression().fit(LABELS)


@pytest.mark.parametrize(
    ("task", "reference"),
    [
        (plain(), mse_loss),
        (plain("absolute_error"), l1_loss),
        (plain("huber", epsilon=1.0), huber_loss),
    ],
)
def test_loss_is_that_of_the_distance_from_the_limit(task, reference):
    known = np.array(VALUES) == np.array(VALUES)
    task.fit(LABELS)
    values, sides = np.array(VALUES)[known], np.array(SIDES)[known]
    for shift in (-3.0, -0.4, 0.0, 0.4, 3.0):
        predicted = torch.from_numpy(values + shift)
        expected = reference(predicted, torch.from_numpy(values), reduction="none")
        expected[torch.from_numpy(sides * shift > 0)] = 0.0
        torch.testing.assert_close(loss_of(task, LABELS[known], values + shift), expected)


def test_beyond_a_limit_there_is_no_gradient():
    task = plain().fit(LABELS)
    output = torch.tensor([[5.0], [1.0]], dtype=torch.float64, requires_grad=True)
    target = torch.from_numpy(task.encode(np.array([">2", ">2"], dtype=object)).target)
    (gradient,) = torch.autograd.grad(task.elementwise_loss(output, target).sum(), output)
    assert gradient[:, 0].tolist() == [0.0, -2.0]


def test_quantiles_of_limits_are_those_of_powell():
    task = plain("quantile", quantile=0.9).fit(LABELS)
    loss = loss_of(task, np.array([">2", ">2", "<2"], dtype=object), [3.0, 1.0, 3.0])
    torch.testing.assert_close(loss, torch.tensor([0.0, 0.9, 0.1], dtype=torch.float64))


def test_members_have_losses_of_their_own():
    task = plain().fit(LABELS)
    target = torch.from_numpy(task.encode(LABELS).target)
    output = torch.randn(4, len(LABELS), 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    alone = torch.stack([task.elementwise_loss(one, target) for one in output])
    torch.testing.assert_close(task.elementwise_loss(output, target), alone)


def test_scores_leave_out_limits():
    exact = [0, 4, 8]
    predicted = np.arange(9.0)
    metrics, plain_ones = Regression(bounds=True).fit(LABELS), Regression().fit(np.array([1.0, 4.0, 6.0]))
    plain_ones.mean_, plain_ones.scale_ = metrics.mean_, metrics.scale_
    expected = plain_ones.metrics(np.array([1.0, 4.0, 6.0]), predicted[exact])
    assert metrics.metrics(LABELS, predicted) == pytest.approx(expected)
    assert np.isnan(metrics.score(np.array([">1", "<3"], dtype=object), np.array([2.0, 2.0])))


def test_a_column_with_limits_is_no_constant():
    assert Regression(bounds=True).fit(np.array([">5", ">5"], dtype=object)).constant_.tolist() == [False]
    assert Regression(bounds=True).fit(np.array([5, "5"], dtype=object)).constant_.tolist() == [True]


def test_numbers_without_limits_are_learned_as_before():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    params = {"n_members": 1, "max_epochs": 3, "random_state": 0}
    one, other = (
        MultiTaskNetEstimator(tasks={"y": Regression(bounds=bounds)}, **params).fit(X, y).predict(X)
        for bounds in (False, True)
    )
    np.testing.assert_array_equal(one, other)


def test_limits_help_where_an_instrument_ends(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    value = 2 * X[:, 0] + 0.1 * rng.normal(size=300)
    labels = np.array([">1" if number > 1 else number for number in value], dtype=object)
    labels[::10] = None
    y = Targets(dose=labels, other=X[:, 1])
    net = MultiTaskNetEstimator(
        tasks={"dose": Regression(bounds=True)}, n_members=1, max_epochs=60, learning_rate=1e-2, random_state=0
    ).fit(X, y)
    beyond = value > 1.5
    assert (net.predict(X)["dose"][beyond] > 1).mean() > 0.95
    assert net.score_tasks(X, y)["dose"] > 0.9
    save_model(net, tmp_path / "model")
    np.testing.assert_array_equal(load_model(tmp_path / "model").predict(X)["dose"], net.predict(X)["dose"])


def test_two_columns():
    labels = np.array([[1.0, ">2"], ["<3", 4.0], [None, 5.0]], dtype=object)
    task = Regression(bounds=True).fit(labels)
    assert task.encode(labels).weight.tolist() == [[1, 1], [1, 1], [0, 1]]
    assert task.encode(labels).target[:, 2:].tolist() == [[0, 1], [-1, 0], [0, 0]]
    assert task.label_width == 0


def test_a_function_as_loss_is_refused():
    with pytest.raises(ValueError, match="bounds=True requires a loss by name"):
        Regression(loss=mse_loss, bounds=True).fit(LABELS)
