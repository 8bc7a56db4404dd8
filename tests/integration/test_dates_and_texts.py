"""The recipe of the user guide with skrub, as it is printed there."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklearn_mtl import MultiTaskNetEstimator

PAGE = Path(__file__).parents[2] / "docs" / "user_guide" / "missing_inputs.rst"


def test_the_recipe_of_the_guide_makes_numbers_of_dates_and_texts():
    pytest.importorskip("skrub")
    rng = np.random.default_rng(0)
    words = np.array(["parcel", "arrived", "late", "broken", "wet", "again"])
    orders = pd.DataFrame(
        {
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 365, 200), unit="D"),
            "comment": [" ".join(rng.choice(words, size=6)) for _ in range(200)],
            "weight": np.where(rng.random(200) < 0.2, np.nan, rng.normal(size=200)),
            "city": rng.choice(["Oslo", "Rome"], size=200),
        }
    )
    y = pd.DataFrame({"month": orders["day"].dt.month + 0.5, "south": orders["city"] == "Rome"})
    (recipe,) = re.findall(r"code-block:: python\n\n((?:   .*\n|\n)+)", PAGE.read_text())
    names = {"MultiTaskNetEstimator": MultiTaskNetEstimator, "orders": orders, "y": y}
    exec(textwrap.dedent(recipe), names)
    assert names["net"].score(orders, y) > 0.9
    assert list(names["predicted"]) == ["month", "south"]
