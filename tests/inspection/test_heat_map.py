"""What heat maps have in common: numbers that can be read, and names."""

import matplotlib
import numpy as np
import pytest
from matplotlib import colors, pyplot

from sklearn_mtl.inspection._heat_map import name_cells, write_numbers

matplotlib.use("agg")

VALUES = np.array([[-1.0, np.nan, 0.25], [0.5, 0.0, 1.0]])


@pytest.fixture
def ax():
    yield pyplot.subplots()[1]
    pyplot.close("all")


def luminance(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colors.to_rgb(color)]
    return np.dot([0.2126, 0.7152, 0.0722], linear)


@pytest.mark.parametrize("cmap", ["RdBu_r", "viridis", "Greys"])
def test_numbers_stand_in_their_cells_in_an_ink_that_is_seen(ax, cmap):
    image = ax.imshow(VALUES, cmap=cmap, vmin=-1, vmax=1)
    texts = write_numbers(ax, image, VALUES, ".2f")
    assert texts.shape == VALUES.shape
    for (row, column), value in np.ndenumerate(VALUES):
        text = texts[row, column]
        if np.isnan(value):
            assert text is None
            continue
        assert (text.get_text(), text.get_position()) == (f"{value:.2f}", (column, row))
        light, dark = sorted([luminance(text.get_color()), luminance(image.cmap(image.norm(value))[:3])])[::-1]
        assert (light + 0.05) / (dark + 0.05) > 3


def test_names_are_drawn_as_they_are_and_shortened_where_they_are_long(ax):
    ax.imshow(VALUES)
    name_cells(ax, ["$x_{", "mass"], ["a", 3, "long " * 40])
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["$x_{", "mass"]
    *short, long = [label.get_text() for label in ax.get_xticklabels()]
    assert short == ["a", "3"]
    assert "…" in long
    assert len(long) < 60
