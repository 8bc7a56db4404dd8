import numpy as np
import pytest
import torch

from sklearn_mtl.columns._ragged import RaggedRows
from sklearn_mtl.metrics import entity_f1_score
from sklearn_mtl.tasks import Classification, SequenceTagging, infer_task

from .._helpers import column

RAGGED = [["O", "B-x", "I-x"], ["O"], None, ["O", None, "B-x", "O"]]
PADDED = np.array([[3, 1, -1, -1], [2, -1, -1, -1], [-1, -1, -1, -1], [1, 3, 2, 1]])


def logits_of(task, labels, lengths):
    """Make outputs from which exactly these labels are decoded."""
    codes = np.searchsorted(task.classes_, labels)
    values = torch.nn.functional.one_hot(torch.from_numpy(codes), len(task.classes_)).float()
    return RaggedRows(values, torch.tensor(lengths))


@pytest.fixture
def task():
    return SequenceTagging().fit(column(RAGGED))


def test_labels_of_all_rows_are_learned(task):
    assert task.classes_.tolist() == ["B-x", "I-x", "O"]
    assert task.n_outputs_ == 3


def test_lists_are_encoded_one_after_the_other(task):
    target, weight = task.encode(column(RAGGED))
    assert target.lengths.tolist() == weight.lengths.tolist() == [3, 1, 0, 4]
    assert weight.values[:, 0].tolist() == [1, 1, 1, 1, 1, 0, 1, 1]
    assert target.values[weight.values[:, 0] > 0].tolist() == [2, 0, 1, 2, 2, 0, 2]


def test_padded_arrays_are_encoded_as_they_are():
    target, weight = SequenceTagging().fit(PADDED).encode(PADDED)
    assert target.shape == (4, 4)
    assert weight.shape == (4, 4, 1)
    np.testing.assert_array_equal(weight[..., 0], PADDED != -1)
    np.testing.assert_array_equal(target[PADDED != -1], PADDED[PADDED != -1] - 1)


def test_predictions_come_back_as_lists_in_the_order_of_the_rows(task):
    output = logits_of(task, ["O", "O", "B-x", "I-x"], [1, 3])
    assert task.decode(output).tolist() == [["O"], ["O", "B-x", "I-x"]]


def test_no_sequence_that_breaks_the_scheme_is_predicted(task):
    values = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    output = RaggedRows(values, torch.tensor([15, 1, 24]))
    free = SequenceTagging(constrained=False).fit(column(RAGGED))
    most_probable = [task.classes_[code] for code in values.argmax(dim=1)]
    assert np.concatenate(free.decode(output)).tolist() == most_probable
    assert breaks(free.decode(output)) > 0
    assert breaks(task.decode(output)) == 0


def breaks(rows):
    """Count I- that follow neither B- nor I-."""
    return sum(tag == "I-x" and (i == 0 or row[i - 1] == "O") for row in rows for i, tag in enumerate(row))


def test_two_labels_with_one_logit_keep_to_their_scheme():
    task = SequenceTagging().fit(column([["B-x", "I-x"]]))
    assert task.n_outputs_ == 1
    output = RaggedRows(torch.tensor([[5.0], [5.0], [-1.0]]), torch.tensor([2, 1]))
    assert task.decode(output).tolist() == [["B-x", "I-x"], ["B-x"]]


def test_predictions_come_back_padded_if_the_labels_were():
    task = SequenceTagging().fit(PADDED)
    output = logits_of(task, [1, 2, 3], [1, 2])
    np.testing.assert_array_equal(task.decode(output), [[1, -1, -1, -1], [2, 3, -1, -1]])
    longer = logits_of(task, [1, 2, 3, 1, 2], [5])
    np.testing.assert_array_equal(task.decode(longer), [[1, 2, 3, 1, 2]])


def test_padded_texts_end_with_none():
    y = np.array([["a", "b"], ["c", None]], dtype=object)
    task = SequenceTagging().fit(y)
    assert task.decode(logits_of(task, ["b", "a", "b"], [1, 2])).tolist() == [["b", None], ["a", "b"]]


def test_the_columns_of_images_come_back_as_an_array():
    task = SequenceTagging().fit(PADDED)
    output = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(task.decode(output), task.classes_[output.argmax(axis=-1)])
    assert task.decode_proba(output).shape == (5, 4, 3)


def test_probabilities_are_a_block_for_each_row(task):
    first, second = task.decode_proba(logits_of(task, ["O", "O", "B-x"], [1, 2]))
    assert first.shape == (1, 3)
    assert second.shape == (2, 3)
    np.testing.assert_allclose(second.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("n_labels", [2, 4])
def test_the_loss_of_tokens_is_that_of_rows(n_labels):
    rng = np.random.default_rng(0)
    y = np.concatenate([np.arange(12).reshape(4, 3) % n_labels, rng.integers(n_labels, size=(6, 3))])
    tagging, rows = SequenceTagging(label_smoothing=0.1).fit(y), Classification(label_smoothing=0.1).fit(y.ravel())
    output = torch.randn(2, 10, 3, tagging.n_outputs_, generator=torch.Generator().manual_seed(0))
    target = torch.from_numpy(tagging.encode(y).target)
    target_of_rows = torch.from_numpy(rows.encode(y.ravel()).target)
    loss = tagging.elementwise_loss(output.double(), target)
    expected = rows.elementwise_loss(output.flatten(1, 2).double(), target_of_rows)
    assert loss.shape == (2, 10, 3, 1)
    torch.testing.assert_close(loss.flatten(1, 2), expected)


def test_class_weights_count_tokens():
    task = SequenceTagging(class_weight="balanced").fit(column([["a", "a", "a"], ["b"]]))
    assert task.encode(column([["a", "b"]])).weight.values[:, 0].tolist() == [4 / 6, 2.0]


def test_scores_count_tokens_that_have_a_label(task):
    predicted = column([["O", "B-x", "O"], ["O"], ["O", "O"], ["O", "O", "B-x", "O"]])
    metrics = task.metrics(column(RAGGED), predicted)
    assert metrics["token_accuracy"] == pytest.approx(6 / 7)
    assert metrics["sequence_accuracy"] == pytest.approx(2 / 3)
    weighted = task.metrics(column(RAGGED), predicted, np.array([1.0, 0.0, 5.0, 2.0]))
    assert weighted["token_accuracy"] == pytest.approx((2 + 2 * 3) / (3 + 2 * 3))
    assert weighted["sequence_accuracy"] == pytest.approx(2 / 3)


def test_tags_of_entities_are_scored_by_entities(task):
    assert task.metric == "entity_f1"
    true = column([["B-x", "I-x", "O"], None, ["O", None, "B-x", "I-x"]])
    pred = column([["B-x", "I-x", "O"], ["O"], ["O", "B-x", "I-x", "I-x"]])
    metrics = task.metrics(true, pred)
    # where no label is, what is predicted counts as none, and an I- behind it begins an entity
    labelled = [0, 2]
    assert metrics["entity_f1"] == task.score(true, pred) == entity_f1_score(true[labelled], pred[labelled])
    assert metrics["entity_precision"] == metrics["entity_recall"] == 1.0
    assert metrics["token_accuracy"] == pytest.approx(5 / 6)
    weight = np.array([0.0, 1.0, 1.0])
    assert task.score(true, column([["O"] * 3, ["O"], ["O", "O", "B-x", "I-x"]]), weight) == 1.0


def test_padded_tags_of_entities_are_scored_as_lists_are():
    lists = column([["B-x", "I-x", "O"], ["O"], ["B-x"]])
    padded = np.array([["B-x", "I-x", "O"], ["O", None, None], ["B-x", None, None]], dtype=object)
    pred = column([["B-x", "O", "O"], ["O"], ["B-x"]])
    task = SequenceTagging().fit(padded)
    assert task.score(padded, pred) == task.score(lists, pred) == 0.5


@pytest.mark.parametrize("labels", [["N", "V", "O"], ["O"], [0, 1, 2], ["Bx", "O"]], ids=str)
def test_other_labels_are_scored_by_tokens(labels):
    assert SequenceTagging().fit(column([labels, labels[:1]])).metric == "token_accuracy"


def test_an_unknown_label_at_score_is_wrong(task):
    assert task.metrics(column([["B-new", "O"]]), column([["O", "O"]]))["token_accuracy"] == 0.5


def test_scores_without_any_label_are_nan(task):
    assert np.isnan(task.score(column([None]), column([["O"]])))


def test_scores_of_padded_arrays_do_not_depend_on_the_padding():
    task = SequenceTagging().fit(PADDED)
    right = np.pad(PADDED, ((0, 0), (0, 2)), constant_values=-1)
    assert task.score(PADDED, right) == task.score(right, PADDED) == 1.0


def test_a_row_with_another_number_of_tags_is_named_at_score(task):
    with pytest.raises(ValueError, match="row 1 has 2 tags for 1 tokens"):
        task.score(column([["O"], ["O", "O"]]), column([["O"], ["O"]]))


def test_unknown_labels_are_refused(task):
    with pytest.raises(ValueError, match=r"\['B-new'\] are not among the classes"):
        task.encode(column([["O", "B-new"]]))


def test_a_target_without_any_label_is_refused():
    with pytest.raises(ValueError, match="all labels are missing"):
        SequenceTagging().fit(column([None, [None]]))


@pytest.mark.parametrize(
    ("y", "lengths", "grid", "kind"),
    [
        (column([["a", "b"], ["a"]]), np.array([2, 1]), None, "tagging"),
        (column([["a", "b"], None]), np.array([2, 1]), None, "tagging"),
        (column([["a", "b"], ["a"]]), np.array([3, 1]), None, "multilabel"),
        (column([["a", "b"], ["a"]]), None, None, "multilabel"),
        (column([{"a", "b"}, {"a"}]), np.array([2, 1]), None, "multilabel"),
        (PADDED, np.array([2, 1, 1, 4]), None, "tagging"),
        (PADDED, None, (2, 4), "tagging"),
        (np.array([[0, 1], [1, 1]]), np.array([2, 2]), None, "multilabel"),
        (np.array([[0.5, 1], [1, 1]]), np.array([2, 2]), None, "regression"),
        (np.zeros((2, 4, 4), dtype=int), None, (2, 2), "segmentation"),
    ],
)
def test_what_is_inferred(y, lengths, grid, kind):
    names = {"SequenceTagging": "tagging", "MultilabelClassification": "multilabel", "Regression": "regression"}
    names["Segmentation"] = "segmentation"
    assert names[type(infer_task(y, lengths=lengths, grid=grid)).__name__] == kind


@pytest.mark.parametrize("suffix", ["", "-x"])
@pytest.mark.parametrize("prefixes", ["BI", "BIES", "I"])
def test_tags_without_a_kind_are_entities_as_those_with_one(prefixes, suffix):
    labels = [prefix + suffix for prefix in prefixes]
    y = column([["O", *labels], [labels[0], "O"]])
    fitted = SequenceTagging().fit(y)
    assert fitted.metric == "entity_f1"
    wrong = column([["O", *labels], ["O", "O"]])
    assert fitted.metrics(y, wrong)["entity_f1"] == entity_f1_score(y, wrong)
    assert fitted.score(y, y) == 1.0
