import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.metrics import accuracy_score, f1_score, log_loss

from sklearn_mtl.tasks import Classification, MultilabelClassification

from .cases import objects

NAN = float("nan")
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, size=(40, 3))
PREDICTED = RNG.integers(0, 2, size=(40, 3))


def loss(task, output, y):
    return task.elementwise_loss(torch.from_numpy(output), torch.from_numpy(task.encode(y).target)).numpy()


def test_loss_is_the_log_loss_of_each_label():
    task = MultilabelClassification().fit(Y)
    output = RNG.normal(size=Y.shape)
    losses, proba = loss(task, output, Y), task.decode_proba(output)
    for label in range(3):
        assert losses[:, label].mean() == pytest.approx(log_loss(Y[:, label], proba[:, label]))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_each_label_is_learned_as_a_classification_of_two_classes(smoothing):
    task = MultilabelClassification(label_smoothing=smoothing).fit(Y)
    output = RNG.normal(size=Y.shape)
    binary = Classification(label_smoothing=smoothing).fit(Y[:, 0])
    alone = binary.elementwise_loss(
        torch.from_numpy(output[:, :1]), torch.from_numpy(binary.encode(Y[:, 0]).target)
    )
    np.testing.assert_allclose(loss(task, output, Y)[:, :1], alone.numpy())
    assert task.fusion_key() == binary.fusion_key()


sets_of_labels = st.lists(st.none() | st.frozensets(st.sampled_from("abcd")), min_size=1).filter(
    lambda rows: any(rows)
)


@given(sets_of_labels, st.sampled_from([set, frozenset, list, tuple]))
def test_any_sets_round_trip(rows, kind):
    y = objects([None if row is None else kind(sorted(row)) for row in rows])
    task = MultilabelClassification().fit(y)
    target, weight = task.encode(y)
    known = weight.all(axis=1)
    assert known.tolist() == [row is not None for row in rows]
    assert task.classes_.tolist() == sorted(set().union(*(row for row in rows if row)))
    for given_row, predicted in zip(y[known], task.decode(2 * target - 1)[known], strict=True):
        assert type(predicted) is kind
        assert predicted == given_row


def test_rows_of_arrays_are_read_as_lists():
    task = MultilabelClassification().fit(objects([np.array(["a", "b"]), np.array(["b"])]))
    assert task.decode(np.array([[1.0, -1.0]])).tolist() == [["a"]]


@pytest.mark.parametrize(("dtype", "decoded"), [("?", "?"), ("u1", "u1"), ("i4", "i4"), ("f8", "i8"), ("O", "i8")])
def test_indicators_keep_their_dtype(dtype, decoded):
    task = MultilabelClassification().fit(Y.astype(dtype))
    assert task.decode(2.0 * Y - 1).dtype == np.dtype(decoded)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_labels_above_the_threshold_are_predicted(threshold):
    task = MultilabelClassification(threshold=threshold).fit(Y)
    around = logit(threshold) + np.array([[-0.01, 0.01, 1.0]])
    assert task.decode(around).tolist() == [[0, 1, 1]]


def test_columns_are_named_by_the_parameter():
    assert MultilabelClassification(classes=["x", "y", "z"]).fit(Y).classes_.tolist() == ["x", "y", "z"]
    assert MultilabelClassification().fit(Y).classes_.tolist() == [0, 1, 2]


def test_labels_known_beforehand_keep_their_order_and_need_not_occur():
    task = MultilabelClassification(classes=["b", "z", "a"]).fit(objects([{"a"}, {"b", "a"}]))
    assert task.classes_.tolist() == ["b", "z", "a"]
    assert task.encode(objects([{"a"}])).target.tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(
    ("task", "y", "message"),
    [
        (MultilabelClassification(), [[0, 2]], "0 and 1 only"),
        (MultilabelClassification(), [[0.5, 1]], "0 and 1 only"),
        (MultilabelClassification(), [[np.inf, 1]], "0 and 1"),
        (MultilabelClassification(), [["a", "b"]], "0 and 1"),
        (MultilabelClassification(), ["a", "b"], "a set of labels should be .* got .*'a'"),
        (MultilabelClassification(), [0, 2], "0 and 1 only"),
        (MultilabelClassification(), objects([[1, 0, 1], [0, 0, 1]]), "should have each label once"),
        (MultilabelClassification(), objects([{1, "a"}]), r"one type, got \['int', 'str'\]"),
        (MultilabelClassification(), objects([set(), None]), "all sets of labels are empty"),
        (MultilabelClassification(classes=["a"]), objects([{"a", "b"}]), r"labels \['b'\] are not among"),
        (MultilabelClassification(classes=["a", "a"]), objects([{"a"}]), "duplicate"),
        (MultilabelClassification(classes=["a"]), [[0, 1]], "2 columns"),
        (MultilabelClassification(threshold=0.0), [[0, 1]], "threshold"),
        (MultilabelClassification(label_smoothing=-0.1), [[0, 1]], "label_smoothing"),
    ],
)
def test_bad_labels_and_parameters_are_refused(task, y, message):
    with pytest.raises(ValueError, match=message):
        task.fit(np.asarray(y))


@pytest.mark.parametrize(("average", "metric"), [(a, f"f1_{a}") for a in ("samples", "micro", "macro")])
def test_metrics_are_those_of_scikit_learn(average, metric):
    weight = np.linspace(1, 2, len(Y))
    metrics = MultilabelClassification().fit(Y).metrics(Y, PREDICTED, weight)
    nothing = 1.0 if average == "samples" else 0.0
    expected = f1_score(Y, PREDICTED, average=average, sample_weight=weight, zero_division=nothing)
    assert metrics[metric] == pytest.approx(expected)


def test_a_single_label_is_scored_too():
    true, predicted = Y[:, :1], PREDICTED[:, :1]
    metrics = MultilabelClassification().fit(true).metrics(true, predicted)
    assert metrics["f1_samples"] == pytest.approx(accuracy_score(true[:, 0], predicted[:, 0]))
    assert metrics["f1_macro"] == metrics["f1_micro"] == pytest.approx(f1_score(true[:, 0], predicted[:, 0]))


def test_elements_without_a_label_do_not_count():
    task = MultilabelClassification().fit(Y)
    true = Y.astype(float)
    true[:, 1] = NAN
    wrong = PREDICTED.copy()
    wrong[:, 1] = 1 - wrong[:, 1]
    assert task.metrics(true, PREDICTED) == task.metrics(true, wrong)
    rest = MultilabelClassification().fit(Y[:, [0, 2]])
    assert task.score(true, PREDICTED) == pytest.approx(rest.score(Y[:, [0, 2]], PREDICTED[:, [0, 2]]))


def test_no_label_predicted_where_there_is_none_is_right():
    assert MultilabelClassification().fit(Y).score(np.zeros((2, 3)), np.array([[0, 0, 0], [1, 0, 0]])) == 0.5


def test_averages_over_labels_count_what_scikit_learn_counts():
    true, predicted = Y.astype(float), PREDICTED
    unknown = true.copy()
    unknown[:, 2] = NAN
    nowhere = true.copy()
    nowhere[:, 2] = 0
    none = predicted * [1, 1, 0]
    task = MultilabelClassification().fit(Y)
    assert task.metrics(unknown, predicted)["f1_macro"] == pytest.approx(
        f1_score(true[:, :2], predicted[:, :2], average="macro")
    )
    for average in ("macro", "micro"):
        assert task.metrics(nowhere, none)[f"f1_{average}"] == pytest.approx(
            f1_score(nowhere, none, average=average, zero_division=0)
        )
    assert task.metrics(np.zeros((4, 3)), np.zeros((4, 3), int)) == {
        "f1_samples": 1.0,
        "f1_micro": 0.0,
        "f1_macro": 0.0,
    }
