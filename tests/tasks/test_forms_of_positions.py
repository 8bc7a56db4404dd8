"""Labels of tokens and pixels in the formats of other libraries."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.tasks import Segmentation, SequenceTagging
from sklearn_mtl.trunks import ConvNet, SequenceEncoder

from .._helpers import column

X = ["play some jazz", "play rock", "book a room"] * 8
TAGS = [["O", "O", "B-genre"], ["O", "B-genre"], ["O", "O", "B-thing"]] * 8
LENGTHS = np.array([3, 2, 3] * 8)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, size=(20, 8, 8, 3), dtype=np.uint8)
MASKS = (IMAGES[..., 0] > 127).astype(int)


def tagger(tasks=None, **params):
    trunk = SequenceEncoder("convolutional", hidden_size=16, dropout=0.0, token_dropout=0.0)
    return MultiTaskNetEstimator(
        tasks=tasks, **{"trunk": trunk, "max_epochs": 3, "early_stopping": False, "random_state": 0, **params}
    )


def segmenter(tasks=None, **params):
    return MultiTaskNetEstimator(
        tasks=tasks,
        trunk=ConvNet(channels=(4,), hidden_size=8),
        **{"max_epochs": 3, "early_stopping": False, "random_state": 0, **params},
    )


# -- tags


def test_tags_in_one_text_are_learned_and_come_back_so():
    written = [" ".join(tags) for tags in TAGS]
    one, other = tagger().fit(X, Targets(t=TAGS)), tagger().fit(X, Targets(t=written))
    assert isinstance(other.tasks_["t"], SequenceTagging)
    assert [text.split() for text in other.predict(X)["t"]] == one.predict(X)["t"].tolist()
    assert other.score(X, Targets(t=written)) == one.score(X, Targets(t=TAGS))
    assert other.predict([""])["t"].tolist() == [""]


def test_texts_that_are_no_tags_are_classes():
    for y in (["a", "b", "c"] * 8, ["very good", "bad", "so so la"] * 8, ["one two"] * 12 + ["two one"] * 12):
        assert not isinstance(tagger().fit(X, Targets(t=y)).tasks_["t"], SequenceTagging)
    same = ["one two"] * 24  # two words, and as many in each row
    assert not isinstance(tagger().fit(same, Targets(t=["very good", "so bad"] * 12)).tasks_["t"], SequenceTagging)
    assert isinstance(tagger().fit(same, Targets(t=["O B-x", "O O"] * 12)).tasks_["t"], SequenceTagging)


@pytest.mark.parametrize("classes", [3, 2])
def test_tags_padded_with_nan_are_those_padded_with_minus_one(classes):
    padded = np.full((24, 3), np.nan)
    there = np.arange(3) < LENGTHS[:, None]
    padded[there] = np.arange(there.sum()) % classes
    of_integers = np.where(there, padded, -1).astype(int)
    stated = {"t": "tagging"}  # two classes alone are sets of labels
    one, other = tagger(stated).fit(X, {"t": of_integers}), tagger().fit(X, {"t": padded})
    assert isinstance(other.tasks_["t"], SequenceTagging)
    np.testing.assert_array_equal(one.predict(X)["t"], other.predict(X)["t"])


@pytest.mark.parametrize("form", [list, np.array], ids=["lists", "padded"])
def test_tags_of_minus_100_are_missing_which_is_said(form):
    rows = [[1, 2, 3], [1, -100, -1], [1, 2, 4]] * 8
    lengths = [3, 3, 3] if form is np.array else [3, 2, 3]
    of_x = ["a b c", "a b c" if form is np.array else "a b", "a b d"] * 8
    y = form([row[:n] for row, n in zip(rows, lengths * 8, strict=True)])
    with pytest.warns(UserWarning, match=r"task 't': labels of -100 are treated as missing; list it in Sequence"):
        learned = tagger().fit(of_x, Targets(t=y))
    assert learned.classes_["t"].tolist() == [1, 2, 3, 4]
    missing = [[-1 if tag == -100 else tag for tag in row[:n]] for row, n in zip(rows, lengths * 8, strict=True)]
    np.testing.assert_array_equal(
        tagger().fit(of_x, Targets(t=form(missing))).transform(of_x), learned.transform(of_x)
    )
    assert learned.score(of_x, Targets(t=y)) == learned.score(of_x, Targets(t=form(missing)))
    stated = tagger({"t": SequenceTagging(classes=[-100, 1, 2, 3, 4])})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert stated.fit(of_x, Targets(t=y)).classes_["t"].tolist() == [-100, 1, 2, 3, 4]


def test_entities_that_begin_with_i_are_predicted():
    tags = [["I-x", "I-x", "O"], ["O", "I-x"], ["O", "I-x", "B-x"]] * 8
    texts = ["jazz funk now", "play jazz", "play jazz rock"] * 8
    learned = tagger(max_epochs=60, learning_rate=0.02).fit(texts, Targets(t=tags))
    assert learned.predict(texts)["t"].tolist() == tags
    windows = [["I-x", "O", "B-x"], ["B-x", "I-x"], ["O", "B-x", "I-x"]] * 8
    texts = ["jazz now rock", "some jazz", "play some jazz"] * 8
    learned = tagger(max_epochs=60, learning_rate=0.02).fit(texts, Targets(t=windows))
    assert learned.predict(texts)["t"].tolist() == windows


@pytest.mark.parametrize("task", [None, "tagging", "regression", "classification"])
@pytest.mark.parametrize("trunk", ["steps", "tokens"])
def test_a_number_for_each_step_is_refused_in_words(task, trunk):
    steps = [RNG.normal(size=(length, 2)) for length in LENGTHS]
    rows = steps if trunk == "steps" else X
    y = Targets(t=column([row[:, 0].tolist() for row in steps]))
    with pytest.raises(ValueError, match=r"task 't': the target has a number for each step .* not supported"):
        tagger({} if task is None else {"t": task}).fit(rows, y)


# -- masks


def forms_of_masks():
    masks = [None if i == 3 else mask for i, mask in enumerate(MASKS)]
    return {
        "list": Targets(m=masks),
        "objects": Targets(m=column(masks)),
        "nested lists": Targets(m=column([mask if mask is None else mask.tolist() for mask in masks])),
        "tensors": Targets(m=column([mask if mask is None else torch.from_numpy(mask) for mask in masks])),
        "bytes": Targets(m=column([mask if mask is None else mask.astype(np.uint8) for mask in masks])),
        "frame": pd.DataFrame({"m": masks}),
        "bool": Targets(m=column([mask if mask is None else mask > 0 for mask in masks])),
        "NaN": Targets(m=np.where(np.arange(20)[:, None, None] == 3, np.nan, MASKS)),
    }


@pytest.mark.parametrize("tasks", [None, {"m": "segmentation"}], ids=["inferred", "named"])
@pytest.mark.parametrize("form", forms_of_masks())
def test_an_image_without_a_mask_is_one_of_minus_one(form, tasks):
    expected = MASKS.copy()
    expected[3] = -1
    reference = segmenter({"m": "segmentation"}).fit(IMAGES, {"m": expected})
    y = forms_of_masks()[form]
    learned = segmenter(tasks).fit(IMAGES, y)
    np.testing.assert_array_equal(learned.transform(IMAGES), reference.transform(IMAGES))
    assert learned.score(IMAGES, y) == reference.score(IMAGES, {"m": expected})
    assert segmenter(early_stopping=True).fit(IMAGES, y).score(IMAGES, y) >= 0


def test_rows_without_any_mask_can_be_scored_and_trained_further():
    learned = segmenter().fit(IMAGES, {"m": MASKS})
    nothing = Targets(m=column([None] * 20))
    assert np.isnan(learned.score(IMAGES, nothing))
    with pytest.raises(ValueError, match="task 'm'"):
        segmenter({"m": "segmentation"}).fit(IMAGES, nothing)


@pytest.mark.parametrize("wrong", [np.zeros((3, 3), dtype=int), "mask", 3])
def test_a_mask_of_another_shape_is_named_by_its_row(wrong):
    y = column([wrong if i == 5 else mask for i, mask in enumerate(MASKS)])
    with pytest.raises(ValueError, match=r"task 'm': the target of a segmentation .* row 5 is"):
        segmenter({"m": "segmentation"}).fit(IMAGES, Targets(m=y))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_pixels_of_255_beside_classes_have_no_label_which_is_said(dtype):
    y = MASKS.astype(dtype)
    y[:, 0] = 255
    with pytest.warns(UserWarning, match=r"task 'm': pixels of 255 are treated as unlabelled; list it"):
        learned = segmenter().fit(IMAGES, {"m": y})
    assert learned.classes_["m"].tolist() == [0, 1]
    without = np.where(y == 255, -1, y.astype(int))
    reference = segmenter().fit(IMAGES, {"m": without})
    np.testing.assert_array_equal(learned.transform(IMAGES), reference.transform(IMAGES))
    assert learned.score(IMAGES, {"m": y}) == reference.score(IMAGES, {"m": without})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stated = segmenter({"m": Segmentation(classes=[0, 1, 255])}).fit(IMAGES, {"m": y})
    assert stated.classes_["m"].tolist() == [0, 1, 255]


def test_white_is_the_second_class_of_a_black_and_white_mask():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learned = segmenter().fit(IMAGES, {"m": (MASKS * 255).astype(np.uint8)})
    assert learned.classes_["m"].tolist() == [0, 255]
