import numpy as np
import pandas as pd
import pytest
from pick_defaults import complete, judge

PEERS = ["constant", "ridge / logistic", "random forest", "gradient boosting", "sklearn MLP"]


@pytest.fixture
def table() -> pd.DataFrame:
    """Make errors of two recipes, of which "ours" is best everywhere but on wine, where it fails."""
    index = pd.MultiIndex.from_tuples(
        [("enb", "a"), ("enb", "b"), ("slump", "a"), ("wine", "a")], names=["data", "task"]
    )
    peers = dict.fromkeys(PEERS, 0.5) | {"constant": 1.0}
    recipes = {"ours": [0.2, 0.2, 0.2, 0.9], "no bins": [0.3, 0.3, 0.3, 0.25]}
    return pd.DataFrame({**peers, **recipes}, index=index)


def test_figures_of_the_choice(table):
    # in sample "no bins" is chosen; without wine "ours" is, which fails there
    found = judge(table, ["ours", "no bins"])
    error = found["normalised error"]
    # "no bins" has (0.3 - 0.2) / (1 - 0.2) on enb and slump, and is the best on wine
    assert error["in_sample"] == pytest.approx((0.125 + 0.125 + 0) / 3)
    assert error["left_out"] == pytest.approx((0.125 + 0.125 + (0.9 - 0.25) / 0.75) / 3)
    assert error["difference"] == pytest.approx(error["left_out"] - error["in_sample"])
    assert error["difference_se"] == pytest.approx(np.std([0, 0, 0.65 / 0.75], ddof=1) / np.sqrt(3))
    # four peers: 1 on enb and slump, 5 on wine
    assert found["rank over tasks"] == pytest.approx({"left_out": 8 / 4, "in_sample": 1, "difference": 1})
    assert found["rank over sets"] == pytest.approx({"left_out": 7 / 3, "in_sample": 1, "difference": 4 / 3})


def test_without_differences_between_sets_nothing_is_lost(table):
    table["ours"] = 0.2
    found = judge(table, ["ours", "no bins"])
    assert found["normalised error"]["difference"] == 0
    assert found["rank over tasks"]["difference"] == 0


def test_sets_without_peers_and_recipes_without_sets_are_left_out_and_named(table, capsys):
    table.loc[("wine", "a"), "random forest"] = np.nan
    table.loc[("slump", "a"), "no bins"] = np.nan
    kept, recipes = complete(table, None)
    assert recipes == ["ours"]
    assert set(kept.index.get_level_values("data")) == {"enb", "slump"}
    printed = capsys.readouterr().out
    assert "--without: wine" in printed
    assert "without slump: no bins" in printed


def test_sets_that_take_no_part_are_named(table, capsys):
    kept, _ = complete(table, ["ours"], without=["wine"])
    assert set(kept.index.get_level_values("data")) == {"enb", "slump"}
    assert "wine" in capsys.readouterr().out


def test_pooled_peers_are_ranked_where_they_are(table):
    table["pooled random forest"] = [np.nan, np.nan, 0.1, np.nan]
    kept, recipes = complete(table, None)
    assert kept["pooled random forest"].notna().sum() == 1
    # "no bins" is the second on slump now, and the first elsewhere
    assert judge(kept, recipes)["rank over tasks"]["in_sample"] == pytest.approx((1 + 1 + 2 + 1) / 4)
    assert "pooled random forest" not in complete(table.drop(index="slump", level="data"), None)[0]
