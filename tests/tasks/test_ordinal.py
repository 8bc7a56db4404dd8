import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit
from sklearn.metrics import accuracy_score, cohen_kappa_score, mean_absolute_error
from sklearn.utils.class_weight import compute_class_weight

from sklearn_mtl.tasks import Ordinal

NAN = float("nan")
RANKS = np.array([0, 1, 2, 3, 2, 1, 0, 3])
finite = st.floats(-50, 50)


def outputs(task, rows=8, seed=0):
    return np.random.default_rng(seed).normal(scale=2, size=(rows, task.n_outputs_))


def loss(task, output, y):
    target = torch.from_numpy(task.encode(y).target)
    return task.elementwise_loss(torch.from_numpy(output), target).numpy()[:, 0]


@pytest.mark.parametrize("n_classes", [1, 2, 3, 6])
def test_probabilities_are_those_of_going_on_and_stopping(n_classes):
    task = Ordinal(classes=range(n_classes)).fit(np.array([0]))
    output = outputs(task)
    go = np.column_stack([expit(output[:, : n_classes - 1]), np.zeros(8)])
    expected = [[row[:k].prod() * (1 - row[k]) for k in range(n_classes)] for row in go]
    np.testing.assert_allclose(task.decode_proba(output), expected)
    np.testing.assert_allclose(task.decode_proba(output).sum(axis=1), 1)


@pytest.mark.parametrize("n_classes", [1, 2, 3, 6])
def test_loss_is_the_negative_log_likelihood(n_classes):
    task = Ordinal(classes=range(n_classes)).fit(np.array([0]))
    y, output = np.arange(8) % n_classes, outputs(task)
    likelihood = task.decode_proba(output)[np.arange(8), y]
    np.testing.assert_allclose(loss(task, output, y), -np.log(likelihood), atol=1e-12)


@given(arrays(float, (4, 5), elements=finite))
def test_being_above_a_class_never_gets_more_probable_from_class_to_class(output):
    task = Ordinal(classes=range(6)).fit(np.array([0]))
    proba = task.decode_proba(output)
    above = 1 - proba.cumsum(axis=1)
    assert (np.diff(above, axis=1) <= 1e-12).all()
    assert (proba >= 0).all()


def test_the_prediction_is_the_median_class():
    task = Ordinal(classes=range(5)).fit(np.array([0]))
    output = outputs(task, 500)
    proba = task.decode_proba(output)
    distance = np.abs(np.arange(5)[:, None] - np.arange(5))  # of a prediction from a label
    np.testing.assert_array_equal(task.decode(output), (proba @ distance).argmin(axis=1))
    assert (task.decode(output) != proba.argmax(axis=1)).any()


def test_an_ensemble_averages_probabilities():
    task = Ordinal(classes=range(4)).fit(np.array([0]))
    members = np.stack([outputs(task, seed=seed) for seed in range(3)])
    expected = np.mean([task.decode_proba(output) for output in members], axis=0)
    np.testing.assert_allclose(task.decode_proba(task.average(members)), expected)
    far = np.array([[[1e4, -1e4, 1e4]], [[1e4, 1e4, -1e4]]], dtype=np.float32)
    assert task.average(far).dtype == np.float32
    np.testing.assert_allclose(task.decode_proba(task.average(far)), [[0, 0.5, 0.5, 0]], atol=1e-6)


@pytest.mark.parametrize("dtype", [object, None])
def test_texts_have_the_order_of_the_classes(dtype):
    y = np.array(["high", "low", "middle", "low"], dtype=dtype)
    task = Ordinal(classes=["low", "middle", "high"]).fit(y)
    assert task.classes_.tolist() == ["low", "middle", "high"]
    assert task.encode(y).target.tolist() == [2, 0, 1, 0]
    assert task.decode(np.array([[9.0, 9.0], [-9.0, 0.0]])).tolist() == ["high", "low"]


def test_numbers_have_their_own_order_or_that_of_the_classes():
    y = np.array([3.0, 1.0, NAN, 2.0])
    for task, ranks in [(Ordinal(), [2, 0, 1]), (Ordinal(classes=[3, 2, 1]), [0, 2, 1])]:
        target, weight = task.fit(y).encode(y)
        assert target[weight[:, 0] > 0].tolist() == ranks
    assert Ordinal().fit(y, classes=np.array([1, 2, 3, 4])).classes_.tolist() == [1, 2, 3, 4]


def test_classes_are_weighed():
    y = np.array(["a", "b", "a", None, "a"], dtype=object)
    task = Ordinal(classes=["b", "a"], class_weight="balanced").fit(y)
    a, b = compute_class_weight("balanced", classes=np.array(["a", "b"]), y=["a", "b", "a", "a"])
    np.testing.assert_allclose(task.encode(y).weight[:, 0], [a, b, a, 0, a])


def test_a_distant_error_costs_more_than_a_close_one():
    """Outputs that are sure of class 1: a label of 3 is less probable than one of 2 under any other steps."""
    task = Ordinal(classes=range(4)).fit(np.array([0]))
    sure = np.array([[3.0, -3.0, -1.0]] * 4)
    costs = loss(task, sure, np.arange(4))
    assert costs[1] < costs[0] < costs[3]
    assert costs[2] < costs[3]


# -- scores


def test_metrics_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    names = np.array(["low", "middle", "high"], dtype=object)
    true, pred, weight = rng.integers(0, 3, 40), rng.integers(0, 3, 40), rng.random(40)
    metrics = Ordinal(classes=names).fit(names[true]).metrics(names[true], names[pred], weight)
    assert metrics == pytest.approx(
        {
            "accuracy": accuracy_score(true, pred, sample_weight=weight),
            "neg_mean_absolute_error": -mean_absolute_error(true, pred, sample_weight=weight),
            "quadratic_kappa": cohen_kappa_score(true, pred, weights="quadratic", sample_weight=weight),
        }
    )


def test_distances_are_counted_in_ranks():
    task = Ordinal().fit(np.array([1, 10, 100]))
    assert task.metrics(np.array([1, 100]), np.array([100, 100]))["neg_mean_absolute_error"] == -1


def test_a_true_label_that_is_no_class_is_wrong_and_at_no_distance():
    task = Ordinal().fit(np.array([1, 2, 3]))
    metrics = task.metrics(np.array([1, 9]), np.array([2, 2]))
    assert metrics["accuracy"] == 0
    assert metrics["neg_mean_absolute_error"] == -1
    assert np.isnan(task.metrics(np.array([9]), np.array([2]))["neg_mean_absolute_error"])


def test_a_kappa_of_one_class_alone_is_none():
    metrics = Ordinal().fit(RANKS).metrics(np.array([2, 2]), np.array([2, 2]))
    assert metrics["accuracy"] == 1
    assert np.isnan(metrics["quadratic_kappa"])


# -- errors


@pytest.mark.parametrize(
    ("task", "y", "message"),
    [
        (Ordinal(), ["low", "high"], r"list the classes \['high', 'low'\] from the lowest"),
        (Ordinal(), np.array([["a"]]), "should be 1-D, got shape"),
        (Ordinal(), [[0.5, 0.5]], "should be 1-D, got shape"),
        (Ordinal(classes=["a"]), ["a", "b"], r"labels \['b'\] are not among the classes \['a'\]"),
        (Ordinal(classes=["a", "b", "a"]), ["a", "b"], "should have each class once"),
        (Ordinal(classes=[1, 2]), ["a", "b"], "not among the classes"),
        (Ordinal(class_weight={"x": 1}), [0, 1], "class_weight has classes that do not occur"),
        (Ordinal(), [0.5, 1.5], "continuous"),
    ],
)
def test_bad_labels_and_parameters_are_refused(task, y, message):
    with pytest.raises(ValueError, match=message):
        task.fit(np.asarray(y))


def test_later_labels_of_no_class_are_refused():
    with pytest.raises(ValueError, match="not among the classes"):
        Ordinal().fit(RANKS).encode(np.array([7]))
