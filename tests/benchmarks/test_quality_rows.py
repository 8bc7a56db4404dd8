import os

import numpy as np
import pandas as pd
import pytest
from _datasets import FAMILIES, ROWS, family
from _quality_scores import halves, inner_splits, score, scored, splits
from _rows import Rows, classes
from _single_targets import Predicted

needs_data = pytest.mark.skipif("SKLEARN_MTL_DATA" not in os.environ, reason="SKLEARN_MTL_DATA is not set")


def rows(n: int = 60, **how: pd.Series) -> Rows:
    rng = np.random.default_rng(0)
    return Rows(pd.DataFrame({"x": rng.normal(size=n)}), pd.DataFrame({"y": rng.normal(size=n)}), **how)


CASES = {
    "rows": {},
    "groups": {"groups": pd.Series(np.arange(60) // 5)},
    "tasks with rows of their own": {"owner": pd.Series(np.repeat(["a", "b", "c"], [40, 12, 8]))},
    "given": {"part": pd.Series(np.repeat([0, 1, 2], [40, 8, 12]))},
}


@pytest.mark.parametrize("case", CASES)
def test_no_row_is_for_both_training_and_test(case):
    some = rows(**CASES[case])
    first, second = halves(some)
    assert sorted([*first, *second]) == list(range(60))
    for train, test in splits(some):
        assert not set(train) & set(test)
        assert set(test) <= set(second)
    for train, test in inner_splits(some, 3):
        assert not set(train) & set(test)
        assert set(train) | set(test) <= set(first)


def test_groups_are_kept_together():
    groups = CASES["groups"]["groups"]
    for train, test in splits(rows(groups=groups)):
        assert not set(groups[train]) & set(groups[test])


def test_every_task_with_rows_of_its_own_is_split():
    owner = CASES["tasks with rows of their own"]["owner"]
    for train, test in splits(rows(owner=owner)):
        assert set(owner[train]) == set(owner[test]) == {"a", "b", "c"}


def test_a_given_split_is_taken_as_it_is():
    part = CASES["given"]["part"]
    found = list(splits(rows(part=part)))
    assert all(set(part[train]) == {0, 1} and len(train) == 48 for train, _ in found)
    assert all(set(part[test]) == {2} and len(test) == 12 for _, test in found)
    train, test = next(inner_splits(rows(part=part), 1))
    assert set(part[train]) == {0}
    assert set(part[test]) == {1}


def test_chosen_rows_keep_how_they_are_split():
    taken = rows(owner=CASES["tasks with rows of their own"]["owner"]).take(np.array([0, 59]))
    assert taken.owner.tolist() == ["a", "c"]
    assert taken.groups is None


def test_kinds_of_tasks():
    y = pd.DataFrame({"number": [0.5, np.nan], "class": [None, "a"], "flag": [True, False]})
    y["set"] = [("a", "b"), ()]
    assert Rows(y[["flag"]], y).kinds == {
        "number": "regression",
        "class": "classification",
        "flag": "classification",
        "set": "multilabel",
    }


def test_missing_classes_stay_missing():
    found = classes(pd.DataFrame({"a": [0.0, 1.0, np.nan]}))
    assert found["a"].tolist() == ["0", "1", None]


def test_a_class_that_is_alone_has_no_score():
    target = pd.Series(["a", "b", "a", "a", None, "b"], dtype=object)
    assert scored(target, np.array([0, 1]), np.array([3, 5]))
    assert not scored(target, np.array([0, 1]), np.array([2, 3, 4]))
    assert not scored(target, np.array([0, 2]), np.array([3, 5]))
    assert scored(pd.Series([1.0, 1.0, 1.0]), np.array([0, 1]), np.array([2]))


def test_classes_are_matched_by_name_whatever_their_order():
    # as text, "10" comes before "9"
    proba = np.array([[0.9, 0.1], [0.2, 0.8]])
    found = score(np.array(["9", "10"]), Predicted(proba, np.array(["9", "10"])))
    assert found["score"] == found["accuracy"] == 1


def test_sets_are_scored_by_label():
    truth = np.empty(4, dtype=object)
    truth[:] = [("a", "all"), ("a", "b", "all"), ("b", "all"), ("all",)]
    labels = np.array(["a", "all", "b", "never"])
    proba = np.array([[0.9, 1, 0.2, 0], [0.8, 1, 0.1, 0], [0.1, 1, 0.9, 0], [0.2, 1, 0.3, 0]])
    found = score(truth, Predicted(proba, labels))
    # a is perfect; of the four pairs of b, two are in order; labels of all rows or none say nothing
    assert found["score"] == pytest.approx((1 + 0.5) / 2)
    assert found["hamming_loss"] == pytest.approx(1 / 16)


def test_every_sibling_is_a_data_set():
    assert {name for members in FAMILIES.values() for name in members} <= set(ROWS)
    assert family("sf1") == family("sf2") != family("slump") == "slump"
    assert len(ROWS) >= 28


# rows, inputs and tasks as the sources give them; without those that take long to read
SHAPES = {
    "andro": (49, 30, 6),
    "atp7d": (296, 411, 6),
    "oes10": (403, 298, 16),
    "osales": (639, 401, 12),
    "scpf": (1137, 23, 3),
    "yeast": (2417, 103, 14),
    "birds": (645, 260, 19),
    "birds_set": (645, 260, 1),
    "enron": (1702, 1001, 53),
    "school": (15362, 27, 139),
    "avila": (20867, 9, 48),
    "clintox": (1478, 1024, 2),
    "toxcast60": (8576, 1024, 60),
    "qm8_descriptors": (8000, 1032, 12),
}


@needs_data
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_of_data_sets(name):
    found = ROWS[name]()
    assert (*found.X.shape, found.y.shape[1]) == SHAPES[name]


@needs_data
@pytest.mark.parametrize("name", ["school", "avila"])
def test_a_row_has_a_label_of_its_owner_only(name):
    found = ROWS[name]()
    assert (found.y.notna().sum(axis=1) == 1).all()
    assert (found.y.notna().idxmax(axis=1) == found.owner).all()


@needs_data
def test_sets_of_labels_equal_the_single_labels():
    single, sets = ROWS["birds"](), ROWS["birds_set"]()
    names = single.y.columns.to_numpy()
    assert [tuple(names[row]) for row in (single.y == "1").to_numpy()] == sets.y["labels"].tolist()
    assert "Stellar's Jay" in single.y
    pd.testing.assert_frame_equal(single.X, sets.X)


@needs_data
def test_the_sample_of_tasks_is_part_of_all_tasks():
    sample, every = ROWS["toxcast60"](), ROWS["toxcast"]()
    pd.testing.assert_frame_equal(sample.y, every.y[list(sample.y)])
    assert set(sample.kinds.values()) == {"classification"}
    assert 0.5 < sample.y.isna().mean(axis=None) < 0.9
