"""A small model of a frame with numbers, categories of both kinds and missing values."""

import numpy as np
import pandas as pd

from tests._helpers import net


def table(rows=60, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "area (m2)": rng.uniform(30, 200, rows),
            "city": rng.choice(["Bonn", "Cologne"], rows).astype(object),
            "code": pd.Categorical(rng.choice([1, 5, 7], rows)),
        }
    )
    X.loc[3, "area (m2)"], X.loc[5, "city"] = np.nan, None
    return X


def targets(X):
    area = X["area (m2)"].fillna(100)
    return pd.DataFrame({"price": 3 * area, "sold": np.where(area > 100, "yes", "no")})


X = table()
FITTED = net(early_stopping=True, max_epochs=4).fit(X, targets(X))
ROW = {"area (m2)": 60.5, "city": "Bonn", "code": 5}


def records(frame):
    """Return the rows of a frame as JSON holds them."""
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
