import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss
from sklearn.utils.class_weight import compute_class_weight

from sklearn_mtl.tasks import Classification

NAN = float("nan")
LABELS = np.array(["bee", "ape", "cat", "ape", "ape", "bee"], dtype=object)


def outputs(task, rows=6, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, task.n_outputs_))


def loss(task, output, y):
    target = torch.from_numpy(task.encode(y).target)
    return task.elementwise_loss(torch.from_numpy(output), target).numpy()[:, 0]


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_loss_is_the_log_loss_of_the_probabilities(n_classes):
    y = np.arange(20) % n_classes
    task = Classification().fit(y)
    output = outputs(task, 20)
    proba = task.decode_proba(output)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert loss(task, output, y).mean() == pytest.approx(log_loss(y, proba))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_loss_against_smoothed_probabilities(n_classes, smoothing):
    y = np.random.default_rng(0).dirichlet(np.ones(n_classes), size=6)
    task = Classification(label_smoothing=smoothing).fit(y)
    output = outputs(task)
    logits = output if n_classes > 2 else np.hstack([np.zeros_like(output), output])
    smoothed = (1 - smoothing) * y + smoothing / n_classes
    np.testing.assert_allclose(loss(task, output, y), -(smoothed * log_softmax(logits, axis=1)).sum(axis=1))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_labels_are_probabilities_of_one(n_classes, smoothing):
    y = np.arange(6) % n_classes
    hard, soft = Classification(label_smoothing=smoothing), Classification(label_smoothing=smoothing)
    output = outputs(hard.fit(y))
    certain = np.eye(n_classes)[y]
    np.testing.assert_allclose(loss(hard, output, y), loss(soft.fit(certain), output, certain))


def test_labels_may_be_given_to_a_task_of_probabilities():
    task = Classification(classes=["z", "a", "m"]).fit(np.eye(3))
    labels = np.array(["m", "z", None, "a"], dtype=object)
    target, weight = task.encode(labels)
    assert target[[0, 1, 3]].tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert weight[:, 0].tolist() == [1, 1, 0, 1]
    assert task.score(labels, np.array(["m", "z", "z", "m"])) == pytest.approx(2 / 3)


@given(st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=1).filter(any))
def test_any_labels_round_trip(labels):
    y = np.array(labels, dtype=object)
    task = Classification().fit(y)
    target, weight = task.encode(y)
    certain = 2 * target - 1 if len(task.classes_) == 2 else np.eye(len(task.classes_))[target]
    known = weight[:, 0] > 0
    assert task.classes_.tolist() == sorted({label for label in labels if label is not None})
    assert task.decode(certain)[known].tolist() == y[known].tolist()
    assert known.tolist() == [label is not None for label in labels]


def test_probabilities_and_predictions_agree():
    for n_classes in (2, 3):
        task = Classification().fit(np.arange(6) % n_classes)
        output = outputs(task, 50)
        assert (task.decode(output) == task.decode_proba(output).argmax(axis=1)).all()


def test_two_classes_share_one_output_and_more_have_one_each():
    assert Classification().fit(np.array([0, 1])).n_outputs_ == 1
    assert Classification().fit(np.array([0, 1, 2])).n_outputs_ == 3
    assert Classification(classes=[0, 1, 2]).fit(np.array([0, 1])).n_outputs_ == 3


def test_one_class_is_predicted_always_and_costs_nothing():
    task = Classification().fit(np.array(["a", "a"]))
    output = outputs(task, 2)
    assert task.decode(output).tolist() == ["a", "a"]
    assert task.decode_proba(output).tolist() == [[1], [1]]
    assert loss(task, output, np.array(["a", "a"])).tolist() == [0, 0]


def test_classes_that_are_known_beforehand_win():
    task = Classification(classes=["x", "y"]).fit(np.array(["b", "a"]), classes=np.array(["b", "c", "a"]))
    assert task.classes_.tolist() == ["a", "b", "c"]


def test_rows_of_weight_zero_have_no_say_in_the_classes():
    assert Classification().fit(np.array([0, 1, 2]), np.array([1.0, 1, 0])).classes_.tolist() == [0, 1]


# -- weights of classes


@pytest.mark.parametrize("sample_weight", [None, np.arange(1.0, 7)])
def test_balanced_weights_are_those_of_scikit_learn(sample_weight):
    task = Classification(class_weight="balanced").fit(LABELS, sample_weight)
    expected = compute_class_weight("balanced", classes=task.classes_, y=LABELS, sample_weight=sample_weight)
    np.testing.assert_allclose(task.encode(task.classes_).weight[:, 0], expected)


def test_classes_that_a_mapping_does_not_name_weigh_one():
    task = Classification(class_weight={"bee": 3, "ape": 0}).fit(LABELS)
    assert task.encode(task.classes_).weight[:, 0].tolist() == [0, 3, 1]


def test_a_row_of_probabilities_has_the_mean_weight_of_its_classes():
    y = np.array([[0.25, 0.75], [1, 0], [NAN, NAN]])
    task = Classification(class_weight={0: 2.0, 1: 4.0}).fit(y)
    assert task.encode(y).weight[:, 0].tolist() == [3.5, 2, 0]


def test_balanced_weights_of_probabilities_are_those_of_the_likeliest_classes():
    y = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.2, 0.8]])
    task = Classification(class_weight="balanced").fit(y)
    np.testing.assert_allclose(task.encode(np.eye(2)).weight[:, 0], [4 / (2 * 3), 4 / 2])


def test_a_class_that_does_not_occur_weighs_one_when_balanced():
    task = Classification(class_weight="balanced", classes=[0, 1, 2]).fit(np.array([0, 0, 0, 1]))
    np.testing.assert_allclose(task.class_weight_, [4 / 6, 2, 1])


# -- errors


@pytest.mark.parametrize(
    ("task", "y", "message"),
    [
        (Classification(), [0.5, 1.5], "continuous"),
        (Classification(), [0.0, np.inf], "infinity"),
        (Classification(), np.array([1, "a"], dtype=object), r"one type, got \['int', 'str'\]"),
        (Classification(classes=["a"]), ["a", "b"], r"labels \['b'\] are not among the classes \['a'\]"),
        (Classification(classes=[0, 1]), ["a", "b"], "not among the classes"),
        (Classification(class_weight={"x": 1}), [0, 1], r"class_weight has classes that do not occur: \['x'\]"),
        (Classification(class_weight={0: -1.0}), [0, 1], "class_weight=.* at least 0"),
        (Classification(class_weight={0: NAN}), [0, 1], "class_weight=.* finite"),
        (Classification(class_weight="heavy"), [0, 1], "class_weight"),
        (Classification(label_smoothing=1.0), [0, 1], "label_smoothing"),
        (Classification(), [[0.5, 0.6], [1, 0]], "sum of 1"),
        (Classification(), [[1.5, -0.5], [1, 0]], "at least 0"),
        (Classification(classes=["a"]), [[0.5, 0.5]], "2 columns of probabilities, but there are 1 classes"),
    ],
)
def test_bad_labels_and_parameters_are_refused(task, y, message):
    with pytest.raises(ValueError, match=message):
        task.fit(np.asarray(y))


@pytest.mark.parametrize(
    ("fitted", "y"),
    [
        (["a", "b"], ["c"]), (["a", "b"], [0]), ([0, 1], ["a"]), ([0, 1], np.array(["a"], dtype=object)),
        ([0, 1], [0.5]), ([0, 1], [[0.1, 0.2, 0.7]]), ([[0.5, 0.5]], [[1.0]]),
    ],
)  # fmt: skip
def test_later_labels_of_another_kind_are_refused(fitted, y):
    task = Classification().fit(np.asarray(fitted))
    with pytest.raises(ValueError, match="classes"):
        task.encode(np.asarray(y))


def test_all_labels_of_weight_zero_are_no_labels():
    with pytest.raises(ValueError, match="all labels are missing"):
        Classification().fit(np.array([0.0, 1.0, NAN]), np.array([0.0, 0.0, 1.0]))


# -- scores


def test_metrics_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 3, size=40), rng.integers(0, 3, size=40)
    weight = rng.random(40)
    metrics = Classification().fit(true).metrics(true, predicted, weight)
    assert metrics == pytest.approx(
        {
            "accuracy": accuracy_score(true, predicted, sample_weight=weight),
            "balanced_accuracy": balanced_accuracy_score(true, predicted, sample_weight=weight),
            "f1_macro": f1_score(true, predicted, average="macro", sample_weight=weight),
        }
    )


def test_a_true_label_that_is_no_class_counts_as_wrong():
    task = Classification().fit(np.array(["a", "b"]))
    assert task.score(np.array(["a", "new"]), np.array(["a", "a"])) == 0.5


def test_a_fold_that_lacks_a_predicted_class_is_scored_without_a_warning():
    task = Classification().fit(np.array([0, 1, 2]))
    assert task.metrics(np.array([0, 1]), np.array([0, 2]))["balanced_accuracy"] == 0.5


def test_labels_and_their_objects_are_scored_alike():
    task = Classification().fit(np.array([1, 2]))
    true = np.array([1, 2, None], dtype=object)
    assert task.score(true, np.array([1, 1, 1])) == 0.5
    assert task.score(np.array([1.0, 2.0, NAN]), np.array([1, 1, 1])) == 0.5
