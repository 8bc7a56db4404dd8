"""Pictures of sharing and of affinities show the numbers they are given."""

import numpy as np
import pandas as pd
import pytest

from sklearn_mtl.inspection import SharingDisplay, TaskAffinityDisplay


def comparison(n_tasks=3):
    verdicts = ["gains", "loses", "no difference"]
    return pd.DataFrame(
        {
            "difference": np.linspace(0.3, -0.3, n_tasks),
            "std_error": 0.1,
            "verdict": [verdicts[task % 3] for task in range(n_tasks)],
        },
        index=[f"t{task}" for task in range(n_tasks)],
    )


def test_tasks_are_drawn_from_the_greatest_gain_down():
    display = SharingDisplay.from_comparison(comparison().iloc[::-1])
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == ["t0", "t1", "t2"]
    assert [point.lines[0].get_xdata()[0] for point in display.points_] == pytest.approx([0.3, 0.0, -0.3])


def test_of_many_tasks_the_greatest_differences_are_drawn():
    display = SharingDisplay.from_comparison(comparison(50), most=10)
    assert len(display.points_) == 10
    assert np.abs(display.comparison["difference"]).min() > 0.2


def test_a_task_without_standard_error_has_no_bar():
    table = comparison()
    table.loc["t0", "std_error"] = np.nan
    assert not SharingDisplay.from_comparison(table).points_[0].has_xerr


def test_another_frame_is_refused():
    with pytest.raises(ValueError, match="lacks the columns"):
        SharingDisplay.from_comparison(pd.DataFrame({"difference": [1.0]}))


def test_tasks_that_help_each_other_are_neighbours():
    names = list("abcd")
    affinity = pd.DataFrame(-1.0, index=names, columns=names)
    for one, other in (("a", "c"), ("b", "d")):
        affinity.loc[one, other] = affinity.loc[other, one] = 1.0
    display = TaskAffinityDisplay.from_affinity(affinity)
    order = [names[task] for task in display.order_]
    assert abs(order.index("a") - order.index("c")) == 1
    assert abs(order.index("b") - order.index("d")) == 1
    shown = display.im_.get_array()
    assert shown.mask.diagonal().all() if np.ma.isMaskedArray(shown) else np.isnan(np.diag(shown)).all()


@pytest.mark.parametrize(("largest", "text"), [(0.0734, "0.073"), (3.21, "3.2"), (45.0, "45")])
def test_numbers_have_two_digits_of_the_largest(largest, text):
    affinity = pd.DataFrame([[0.0, largest], [-largest / 1000, 0.0]], index=list("ab"), columns=list("ab"))
    texts = [each.get_text() for each in TaskAffinityDisplay.from_affinity(affinity).axes_[1].texts]
    assert text in texts
    assert not any("e" in each or each.startswith("-0.0") for each in texts)


def test_affinities_that_are_no_square_are_refused():
    with pytest.raises(ValueError, match="square"):
        TaskAffinityDisplay.from_affinity(pd.DataFrame(np.zeros((2, 3))))
