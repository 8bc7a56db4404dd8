import numpy as np
import pandas as pd
import pytest
from _normalised import (
    LEAST_GAP,
    WORST,
    by_family,
    by_set,
    choose,
    choose_without,
    errors,
    mean_and_error,
    normalised,
    rank_among,
    ranks,
    shares,
    taken,
)


def table(**columns: list[float]) -> pd.DataFrame:
    """Make errors of tasks of one data set."""
    index = pd.MultiIndex.from_product([["d"], range(len(columns["constant"]))], names=["data", "task"])
    return pd.DataFrame(columns, index=index, dtype=float)


def sets(**rows: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows).T


def family(name: str) -> str:
    return name.rstrip("12")


def test_errors_are_those_of_the_field_averaged_over_splits():
    records = pd.DataFrame(
        [
            {"data": "d", "task": "number", "contender": "a", "score": 0.75},
            {"data": "d", "task": "number", "contender": "a", "score": 0.0},
            {"data": "d", "task": "number", "contender": "a", "score": -3.0},
            {"data": "d", "task": "class", "contender": "a", "score": 0.9, "accuracy": 0.8},
            {"data": "d", "task": "set", "contender": "a", "score": 0.7, "hamming_loss": 0.1},
        ]
    )
    found = errors(records)["a"]
    assert found["d", "number"] == pytest.approx((0.5 + 1 + 2) / 3)  # RMSE over the deviation of the labels
    assert found["d", "class"] == pytest.approx(0.1)
    assert found["d", "set"] == pytest.approx(0.3)


def test_errors_need_no_measure_but_the_score():
    # results of numbers alone have no column of classes
    records = pd.DataFrame([{"data": "d", "task": "t", "contender": "a", "score": 0.75}])
    assert errors(records).loc[("d", "t"), "a"] == 0.5


def test_the_best_is_0_and_the_constant_1_in_each_task():
    found = normalised(table(a=[0.2, 30.0], b=[0.3, 20.0], constant=[0.6, 40.0]))
    assert found.to_numpy().tolist() == pytest.approx(np.array([[0, 0.25, 1], [0.5, 0, 1]]))


def test_units_of_a_task_do_not_matter():
    some = table(a=[0.2, 0.3], b=[0.3, 0.2], constant=[0.6, 0.4])
    pd.testing.assert_frame_equal(normalised(some * 100), normalised(some))


def test_where_nobody_learns_anything_differences_stay_small():
    # the best is better than the constant by a thousandth of its error only
    found = normalised(table(a=[0.999], b=[1.0], constant=[1.0]))
    assert found["b"].item() == pytest.approx(0.001 / LEAST_GAP)
    # and where all are worse than the constant, it is the best
    found = normalised(table(a=[1.02], constant=[1.0]))
    assert found["constant"].item() == 0
    assert found["a"].item() == pytest.approx(0.02 / LEAST_GAP)


def test_one_failure_is_bounded():
    found = table(a=[0.5], b=[1e6], constant=[1.0])
    assert normalised(found)["b"].item() == WORST
    assert shares(found)["b"].item() == WORST
    assert shares(found)["a"].item() == 0.5


def test_a_contender_without_a_result_stays_without():
    found = normalised(table(a=[0.2, np.nan], b=[0.4, 0.4], constant=[1.0, 1.0]))
    assert np.isnan(found["a"].iloc[1])
    assert found["b"].iloc[1] == 0
    assert np.isnan(ranks(found)["a"].iloc[1])


def test_ranks_share_places_of_equal_errors():
    found = ranks(table(a=[0.1, 0.3], b=[0.2, 0.3], constant=[0.3, 0.5]))
    assert found.to_numpy().tolist() == [[1, 2, 3], [1.5, 1.5, 3]]


def test_the_rank_among_peers_equals_the_rank_in_their_table():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, (50, 5)).astype(float)  # with many equal ones
    some = table(**dict(zip(["own", "a", "b", "c", "constant"], values.T, strict=True)))
    expected = some[["own", "a", "b"]].rank(axis=1)["own"]
    pd.testing.assert_series_equal(rank_among(some, "own", ["a", "b"]), expected, check_names=False)


def test_a_peer_without_a_result_is_not_ranked():
    some = table(own=[0.3], a=[0.1], b=[np.nan], constant=[1.0])
    assert rank_among(some, "own", ["a", "b"]).item() == 2


def test_siblings_weigh_as_one():
    scores = sets(flare1={"a": 0.0}, flare2={"a": 1.0}, wine={"a": 1.5})
    assert by_family(scores, family)["a"].to_dict() == {"flare": 0.5, "wine": 1.5}


def test_tasks_of_a_set_weigh_as_one():
    index = pd.MultiIndex.from_tuples([("d", 1), ("d", 2), ("e", 1)], names=["data", "task"])
    assert by_set(pd.Series([1.0, 3.0, 5.0], index=index)).to_dict() == {"d": 2.0, "e": 5.0}


def test_the_choice_has_the_lowest_mean_over_families():
    # over data sets a would be chosen: 0.5 against 0.67
    scores = sets(flare1={"a": 0.0, "b": 1.0}, flare2={"a": 0.0, "b": 1.0}, wine={"a": 1.5, "b": 0.0})
    assert choose(scores, family) == "b"


def test_a_family_has_no_part_in_its_own_choice():
    # b is the best on wine and overall, for its result on wine alone
    scores = sets(
        flare1={"a": 0.1, "b": 0.2},
        flare2={"a": 0.1, "b": 0.2},
        wine={"a": 1.0, "b": 0.0},
        digits={"a": 0.1, "b": 0.2},
    )
    assert choose(scores, family) == "b"
    chosen = choose_without(scores, family)
    assert chosen.to_dict() == {"flare1": "b", "flare2": "b", "wine": "a", "digits": "b"}
    assert taken(scores, chosen).to_dict() == {"flare1": 0.2, "flare2": 0.2, "wine": 1.0, "digits": 0.2}


def test_siblings_are_left_out_together():
    # with one flare set left in, b would still be chosen for the other
    scores = sets(flare1={"a": 1.0, "b": 0.0}, flare2={"a": 1.0, "b": 0.0}, wine={"a": 0.4, "b": 0.5})
    assert choose_without(scores, family).to_dict() == {"flare1": "a", "flare2": "a", "wine": "b"}
    alone = choose_without(scores, lambda name: name)
    assert alone.to_dict() == {"flare1": "b", "flare2": "b", "wine": "b"}


def test_what_a_family_scored_does_not_change_its_choice():
    rng = np.random.default_rng(0)
    scores = pd.DataFrame(
        rng.random((5, 4)), index=["flare1", "flare2", "wine", "digits", "enb"], columns=[*"abcd"]
    )
    before = choose_without(scores, family)
    scores.loc[["flare1", "flare2"]] = rng.random((2, 4)) * 100
    after = choose_without(scores, family)
    assert after["flare1"] == before["flare1"]
    assert after["flare2"] == before["flare2"]


def test_one_family_cannot_be_left_out():
    with pytest.raises(ValueError, match=r"two or more, got \['flare'\]"):
        choose_without(sets(flare1={"a": 1.0}, flare2={"a": 1.0}), family)


def test_standard_error_of_the_mean():
    assert mean_and_error(pd.Series([1.0, 2.0, 3.0])) == pytest.approx((2.0, 1 / np.sqrt(3)))
    assert np.isnan(mean_and_error(pd.Series([1.0]))[1])
