import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, jaccard_score

from sklearn_mtl.nn._stacking import stack_networks
from sklearn_mtl.tasks import Classification, Segmentation
from sklearn_mtl.tasks._pixels import PixelsHead, covered
from sklearn_mtl.utils._random import Streams

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, size=(5, 4, 6))
Y[1] = -1
Y[2, :2] = -1
LABELLED = Y >= 0


def head(n_outputs=3, shape=(4, 6), grid=(2, 3), in_features=5, seed=0):
    return PixelsHead(in_features, n_outputs, shape, grid, Streams(seed).generator("a"))


def outputs(task, rows=5, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(rows, *task.shape_, task.n_outputs_)))


def loss(task, output, y):
    return task.elementwise_loss(output, torch.from_numpy(task.encode(y).target))


# -- labels


def test_pixels_without_a_label_weigh_nothing():
    target, weight = Segmentation().fit(Y).encode(Y)
    np.testing.assert_array_equal(weight[..., 0] > 0, LABELLED)
    np.testing.assert_array_equal(target[LABELLED], Y[LABELLED])
    assert target.dtype == np.int64


@pytest.mark.parametrize(
    "given",
    [Y, np.where(LABELLED, Y, np.nan), np.where(LABELLED, Y.astype(object), None), Y.astype(np.int8)],
    ids=["integers", "floats", "objects", "small integers"],
)
def test_labels_of_any_dtype_are_learned_alike(given):
    task, other = Segmentation(class_weight="balanced").fit(given), Segmentation(class_weight="balanced").fit(Y)
    for mine, expected in zip(task.encode(given), other.encode(Y), strict=True):
        np.testing.assert_allclose(mine, expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, "<U3"])
def test_predictions_have_the_dtype_of_the_labels(dtype):
    y = (Y % 2).astype(dtype)
    task = Segmentation().fit(y)
    predicted = task.decode(outputs(task).numpy())
    assert predicted.dtype == y.dtype
    assert predicted.shape == y.shape
    assert set(predicted.ravel().tolist()) == set(y.ravel().tolist())


@pytest.mark.parametrize("params", [{}, {"loss": "focal", "gamma": 1.5}, {"label_smoothing": 0.1}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_pixel_is_learned_as_a_row_is(n_classes, params):
    y = np.abs(Y) % n_classes
    task = Segmentation(class_weight="balanced", **params).fit(y)
    row = Classification(class_weight="balanced", **params).fit(y.ravel())
    output = outputs(task)
    flat = output.reshape(-1, task.n_outputs_)
    by_row = row.elementwise_loss(flat, torch.from_numpy(row.encode(y.ravel()).target))
    torch.testing.assert_close(loss(task, output, y).reshape(-1, 1), by_row)
    np.testing.assert_allclose(task.encode(y).weight.reshape(-1, 1), row.encode(y.ravel()).weight)
    np.testing.assert_array_equal(task.decode(output.numpy()).ravel(), row.decode(flat.numpy()))
    proba = task.decode_proba(output.numpy())
    np.testing.assert_array_equal(proba.reshape(-1, n_classes), row.decode_proba(flat.numpy()))


def test_members_may_differ_in_hyperparameters_of_the_loss():
    task = Segmentation(loss="focal").fit(Y)
    task.gamma = torch.tensor([0.0, 3.0], dtype=torch.float64)[:, None, None]
    output = torch.stack([outputs(task, seed=seed) for seed in (1, 2)])
    together = loss(task, output, Y)
    for member, gamma in enumerate((0.0, 3.0)):
        alone = loss(Segmentation(loss="focal", gamma=gamma).fit(Y), output[member], Y)
        torch.testing.assert_close(together[member], alone)


def test_an_ensemble_averages_probabilities():
    task = Segmentation().fit(Y)
    members = np.stack([outputs(task, seed=seed).numpy() for seed in range(3)])
    expected = np.mean([task.decode_proba(output) for output in members], axis=0)
    np.testing.assert_allclose(task.decode_proba(task.average(members)), expected)


# -- from positions to pixels


@pytest.mark.parametrize("step", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("size", [1, 2, 5, 8, 13, 24, 33])
def test_pixels_belong_to_the_position_that_was_made_from_them(size, step):
    wanted, block = covered(size, -(-size // step))
    positions = [place // block for place in wanted]
    if step == 3:  # several steps give as many positions: this one is not known
        assert max(abs(p - i // step) for i, p in enumerate(positions)) <= 1
    else:
        assert positions == [i // step for i in range(size)]


@pytest.mark.parametrize("size", [1, 5, 8, 13])
@pytest.mark.parametrize("n_positions", [1, 3, 4, 9, 20])
def test_every_pixel_has_a_place_of_its_own(size, n_positions):
    wanted, block = covered(size, n_positions)
    assert len(wanted) == size
    assert wanted == sorted(set(wanted))
    assert 0 <= wanted[0] <= wanted[-1] < block * n_positions


@pytest.mark.parametrize(("size", "n_positions"), [(8, 3), (13, 5), (15, 7), (5, 4), (4, 9)])
def test_positions_that_no_halving_gives_have_equal_shares(size, n_positions):
    wanted, block = covered(size, n_positions)
    assert [place // block for place in wanted] == [pixel * n_positions // size for pixel in range(size)]


def test_a_pixel_reads_its_position_only():
    module = head(shape=(5, 7), grid=(3, 4))
    x = torch.randn(2, 12, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    pixels = module(x)
    assert pixels.shape == (2, 5, 7, 3)
    for row, column in np.ndindex(5, 7):
        (slope,) = torch.autograd.grad(pixels[1, row, column].sum(), x, retain_graph=True)
        read = torch.nonzero(slope.abs().sum(dim=-1)).tolist()
        assert read == [[1, (row // 2) * 4 + column // 2]]


def test_a_map_of_full_resolution_is_one_affine_map():
    module = head(shape=(4, 6), grid=(4, 6))
    x = torch.randn(2, 24, 5, generator=torch.Generator().manual_seed(0))
    expected = module.linear(x).reshape(2, 4, 6, 3)
    torch.testing.assert_close(module(x), expected)


@pytest.mark.parametrize("shared", [False, True])
def test_members_side_by_side_compute_what_each_does_alone(shared):
    heads = [head(shape=(5, 7), grid=(2, 3), seed=seed) for seed in range(3)]
    stacked = stack_networks(heads, range(3))
    x = torch.randn(3, 4, 6, 5, generator=torch.Generator().manual_seed(0))
    together = stacked(x[0] if shared else x)
    assert together.shape == (3, 4, 5, 7, 3)
    for member in range(3):
        torch.testing.assert_close(together[member], heads[member](x[0 if shared else member]))


def test_a_segmentation_without_a_map_is_refused():
    with pytest.raises(ValueError, match="a trunk for images"):
        Segmentation().fit(Y).head(5, Streams(0).generator("a"))


# -- scores


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_are_those_of_scikit_learn(weighted):
    weight = np.linspace(1, 3, 5) if weighted else None
    predicted = np.where(RNG.random(Y.shape) < 0.6, np.abs(Y), RNG.integers(0, 3, size=Y.shape))
    true, pred = Y[LABELLED], predicted[LABELLED]
    by_pixel = np.repeat(weight, LABELLED.sum(axis=(1, 2))) if weighted else None
    expected = {
        "mean_iou": jaccard_score(true, pred, average="macro", sample_weight=by_pixel),
        "pixel_accuracy": accuracy_score(true, pred, sample_weight=by_pixel),
    }
    assert Segmentation().fit(Y).metrics(Y, predicted, weight) == pytest.approx(expected)


def test_a_class_that_is_neither_there_nor_predicted_does_not_count():
    task = Segmentation(classes=[0, 1, 2, 3]).fit(Y)
    true, pred = np.array([[[0, 0, 1, 1]]]), np.array([[[0, 0, 0, 1]]])
    assert task.score(true, pred) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_a_true_label_that_is_no_class_is_wrong():
    task = Segmentation().fit(Y)
    metrics = task.metrics(np.array([[[0, 0, 9, 9]]]), np.array([[[0, 0, 0, 0]]]))
    assert metrics == {"mean_iou": 0.5, "pixel_accuracy": 0.5}


# -- errors


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((5, 4)), r"have shape \(n_samples, height, width\), got \(5, 4\)"),
        (np.zeros((5, 4, 6, 1)), "have shape"),
        (np.full((2, 3, 3), -1), "all labels are missing"),
        (np.random.default_rng(0).random((2, 3, 3)), "continuous"),
    ],
)
def test_bad_images_of_labels_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        Segmentation().fit(y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((2, 4, 7), dtype=int), r"images of shape \(4, 7\), fit had \(4, 6\)"),
        (np.full((2, 4, 6), 9), r"labels \[9\] are not among the classes"),
    ],
)
def test_later_images_of_another_kind_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        Segmentation().fit(Y).encode(y)
