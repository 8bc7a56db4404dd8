"""The default beside the better of its shared and its separate networks, from results of `quality.py`.

Made by ``quality.py --contenders ours "without independent" "all independent"``: the recommended recipes, those in
which all tasks share layers, and the same recipes with a network for each task. The better of the two is chosen by
the mean score of the test rows, in favour of what the default is compared with.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from quality import FOLDER, RECIPE_FOLDER

CONTENDERS = {"shared": "without independent", "separate": "all independent"}


def main() -> None:
    rows = [compared(path) for path in sorted(RECIPE_FOLDER.glob("*.json")) if has_both(path)]
    table = pd.DataFrame(rows).set_index("data")
    print(table.round(4).to_string())
    print(f"within one standard error: {int(table['within'].sum())} of {len(table)} data sets")


def has_both(path: Path) -> bool:
    return set(CONTENDERS.values()) <= set(json.loads(path.read_text()))


def compared(path: Path) -> dict[str, object]:
    """Compare the default of a data set, split by split, with the better of shared and separate networks."""
    recipes = json.loads(path.read_text())
    means = {kind: by_split(recipes[name]) for kind, name in CONTENDERS.items()}
    default = by_split(json.loads((FOLDER / path.name).read_text())["ours"])
    better = max(means, key=lambda kind: means[kind].mean())
    difference = default - means[better]
    error = difference.sem()
    return {
        "data": path.stem,
        **{kind: scores.mean() for kind, scores in means.items()},
        "default": default.mean(),
        "difference": difference.mean(),
        "std_error": error,
        "within": bool(difference.mean() >= -error),
    }


def by_split(result: dict) -> pd.Series:
    """Return the mean score over tasks of each split."""
    return pd.DataFrame(result["records"]).groupby("split")["score"].mean()


if __name__ == "__main__":
    main()
