"""Pictures of importances, and of the saliency of pixels and tokens."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.utils import Bunch

from sklearn_mtl import Targets
from sklearn_mtl.inspection import (
    ImageSaliencyDisplay,
    TaskImportancesDisplay,
    TokenSaliencyDisplay,
    integrated_gradients,
    task_importances,
)
from sklearn_mtl.trunks import ConvNet, SequenceEncoder

from .._helpers import inputs, net

X = inputs(60, 3)
Y = Targets(sick=X[:, 0] > 0, mass=100 + X[:, 1])
WORDS = [["play", "some", "jazz"], ["book", "a", "table", "now"]] * 10
TAGS = [["O"] * (len(row) - 1) + ["B"] for row in WORDS]
OF_WORDS = Targets(intent=["music", "place"] * 10, n=[1.5, 2.5] * 10, tags=TAGS)
IMAGES = np.random.default_rng(0).integers(256, size=(20, 6, 6), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def made(values, p_values, n_repeats=5):
    """Make importances of inputs (rows) for the tasks a and b."""
    index = [f"x{number}" for number in range(len(values))]
    mean, p = (pd.DataFrame(table, index=index, columns=["a", "b"]) for table in (values, p_values))
    return Bunch(importances_mean=mean, p_values=p, metrics={"a": "accuracy", "b": "r2"})


def test_numbers_and_colours_of_importances():
    values = [[0.4, 0.001], [0.1, 2.0], [-0.002, np.nan]]
    display = TaskImportancesDisplay.from_importances(made(values, [[0, 0.5], [0, 0], [0.9, 0.5]]))
    written = [["" if text is None else text.get_text() for text in row] for row in display.text_]
    assert written == [["0.40", "0.10", "0.00"], ["0.0", "2.0", ""]]
    shown = display.im_.get_array()
    np.testing.assert_allclose(shown.filled(np.nan), [[1, 0.25, np.nan], [np.nan, 1, np.nan]])
    assert display.text_[1, 0].get_color() == "0.45"  # may be chance
    assert [tick.get_text() for tick in display.ax_.get_yticklabels()] == ["a (accuracy)", "b (r2)"]
    strict = display.plot(level=1e-9)
    assert not strict.im_.get_array().mask[0, 0]  # a p-value of 0


def test_the_level_is_that_of_all_cells():
    display = TaskImportancesDisplay.from_importances(made([[0.4, 0.3]] * 3, [[0.009, 0.008]] * 3))
    np.testing.assert_array_equal(display.im_.get_array().mask, [[True] * 3, [False] * 3])  # 6 cells, 0.05
    no_p_values = made([[0.4, 0.3]] * 3, [[np.nan] * 2] * 3)
    assert not TaskImportancesDisplay.from_importances(no_p_values).im_.get_array().mask.any()


def test_the_most_important_inputs_are_drawn():
    values = [[0.1, 0.0], [0.4, 0.0], [0.0, 0.9], [0.2, 0.3]]
    importances = made(values, [[0, 0]] * 4)
    assert TaskImportancesDisplay.from_importances(importances, most=2).inputs_ == ["x1", "x2"]
    assert TaskImportancesDisplay.from_importances(importances, most=None).inputs_ == ["x0", "x1", "x2", "x3"]


def test_importances_of_an_estimator():
    fitted = net(max_epochs=1).fit(X, Y)
    _, ax = plt.subplots()
    display = TaskImportancesDisplay.from_estimator(fitted, X, Y, n_repeats=2, random_state=0, ax=ax)
    assert display.ax_ is ax
    expected = task_importances(fitted, X, Y, n_repeats=2, random_state=0)
    pd.testing.assert_frame_equal(display.importances.importances_mean, expected.importances_mean)
    with pytest.raises(TypeError, match="should be what task_importances returned"):
        TaskImportancesDisplay.from_importances({"a": 1})


def test_tokens():
    fitted = net(trunk=SequenceEncoder("convolutional", hidden_size=8)).fit(WORDS, OF_WORDS)
    display = TokenSaliencyDisplay.from_estimator(
        fitted, WORDS[:2], positions={"tags": 1}, targets={"intent": "music"}, n_steps=20
    )
    assert len(display.axes_) == 2
    expected = integrated_gradients(fitted, WORDS[:2], "intent", target="music", n_steps=20)
    for found, wanted in zip(display.saliency["intent"], expected.attributions, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert [text.get_text() for text in display.text_[1]] == WORDS[0]
    titles = [tick.get_text() for tick in display.axes_[0].get_yticklabels()]
    proba, numbers = fitted.predict_proba(WORDS[:1])["intent"][0, 0], fitted.predict(WORDS[:1])["n"][0]
    assert titles[:2] == [f"intent: P(music) = {proba:.2f}", f"n: {numbers:.3g}"]
    assert titles[2].startswith("tags[1]: P(O) = ")
    # the strongest token of a line has the strongest colour
    strongest = int(np.abs(expected.attributions[0]).argmax())
    bars = display.axes_[0].patches[:3]
    extreme = plt.get_cmap("RdBu")(1.0 if expected.attributions[0][strongest] > 0 else 0.0)
    assert bars[strongest].get_facecolor() == pytest.approx(extreme)
    without = TokenSaliencyDisplay.from_estimator(fitted, WORDS[:1])
    assert list(without.saliency) == ["intent", "n"]
    of_view = TokenSaliencyDisplay.from_estimator(fitted.task_view("n"), WORDS[:1])
    assert list(of_view.saliency) == ["n"]
    own = TokenSaliencyDisplay([["a", "b"]], {"task": [np.zeros(2)]}).plot()
    assert [tick.get_text() for tick in own.axes_[0].get_yticklabels()] == ["task"]


@pytest.mark.parametrize("form", ["grey", "colours", "channels first"])
def test_images(form):
    axis = {"grey": None, "colours": -1, "channels first": 1}[form]
    images = IMAGES if axis is None else np.stack([IMAGES] * 3, axis=axis)
    y = Targets(dark=IMAGES.mean(axis=(1, 2)) < 128, mask=IMAGES // 128)
    trunk = ConvNet((4,), hidden_size=8, normalization=None, channels_first=form == "channels first")
    fitted = net(trunk=trunk, max_epochs=20, learning_rate=0.01).fit(images, y)
    display = ImageSaliencyDisplay.from_estimator(fitted, images[:2], positions={"mask": (1, 2)}, n_steps=200)
    assert display.axes_.shape == (2, 3)
    shares = integrated_gradients(fitted, images[:2], "dark", n_steps=200).attributions
    np.testing.assert_array_equal(display.saliency["dark"], shares if axis is None else shares.sum(axis=axis))
    picture = display.axes_[0, 1].images[0]
    np.testing.assert_array_equal(picture.get_array(), display.saliency["dark"][0])
    assert picture.norm.vmax == -picture.norm.vmin == np.abs(display.saliency["dark"][0]).max()
    assert np.shape(display.axes_[0, 0].images[0].get_array())[:2] == (6, 6)
    assert display.axes_[0, 2].get_title().startswith("mask[(1, 2)]: P(")


def test_what_is_not_drawn():
    of_words = net(trunk=SequenceEncoder("convolutional", hidden_size=8), max_epochs=1).fit(WORDS, OF_WORDS)
    with pytest.raises(TypeError, match="draws the rows of a ConvNet, but the trunk is a SequenceEncoder"):
        ImageSaliencyDisplay.from_estimator(of_words, WORDS[:1])
    with pytest.raises(ValueError, match="choose at most 20"):
        TokenSaliencyDisplay.from_estimator(of_words, WORDS * 2)
    with pytest.raises(ValueError, match=r"targets names \['none'\]"):
        TokenSaliencyDisplay.from_estimator(of_words, WORDS[:1], targets={"none": 1})
    with pytest.raises(TypeError, match="positions should be a mapping by task"):
        TokenSaliencyDisplay.from_estimator(of_words, WORDS[:1], tasks=["tags"], positions=1)
    steps = [np.zeros((3, 2)), np.ones((4, 2))] * 5
    of_steps = net(trunk=SequenceEncoder("convolutional", hidden_size=8), max_epochs=1).fit(steps, [0, 1] * 5)
    with pytest.raises(TypeError, match="sequences of numbers"):
        TokenSaliencyDisplay.from_estimator(of_steps, steps[:1])
    display = TokenSaliencyDisplay([["a"], ["b"]], {"task": [np.zeros(1), np.zeros(1)]})
    with pytest.raises(ValueError, match="one for each sentence"):
        display.plot(axes=[plt.subplots()[1]])
