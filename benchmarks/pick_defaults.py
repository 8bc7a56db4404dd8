"""Choose among stored recipes, and judge the choice on data sets that had no part in it.

`quality.py` stores results of recipes and peers, and this script fits nothing. A recipe is chosen on all families
of data sets but one by its mean normalised error, and scored on the family that was left out; each family is left
out once. The score of the recipe that is best on all sets, on these same sets, is printed beside it: it looks
better than it is by the difference.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import pandas as pd
from _contenders import PEERS, POOLED, PORTFOLIOS
from _datasets import family
from _harness import save
from _normalised import (
    CONSTANT,
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
from _quality_report import read
from _recipes import RECIPES
from quality import FOLDER, RECIPE_FOLDER

#: the present defaults, which are stored among the contenders
PRESENT = ("ours", "ours, n_members=8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = [*PRESENT, *PORTFOLIOS, *RECIPES]
    parser.add_argument("--recipes", nargs="*", choices=known, help="default: all that are stored")
    parser.add_argument("--without", nargs="*", default=[], metavar="SET", help="data sets that take no part")
    options = parser.parse_args()
    stored = errors(pd.concat([read(folder) for folder in (FOLDER, RECIPE_FOLDER) if folder.is_dir()]))
    table, recipes = complete(stored, options.recipes, options.without)
    if not recipes:
        parser.error("no recipe has results on all data sets on which the peers have")
    content = {"contenders": contenders_table(table), "left out": left_out_table(table, recipes)}
    for title, part in content.items():
        print(f"\n{title}\n{part.to_string(float_format='{:.3f}'.format)}")
    figures = judge(table, recipes)
    show(figures)
    save("pick_defaults", {"figures": figures, **{title: part.to_dict() for title, part in content.items()}})


def complete(
    table: pd.DataFrame, recipes: Sequence[str] | None, without: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[str]]:
    """Keep the data sets that all peers have, and the recipes that have all of these; say what is left out.

    Pooled peers, which are for few data sets, are ranked where they are.
    """
    known = table.drop(index=list(without), level="data", errors="ignore")
    peers = known.reindex(columns=[*PEERS])
    enough = peers.notna().all(axis=1).groupby("data").all()
    kept = known.loc[enough[enough].index]
    if left := [*enough.index[~enough], *without]:
        print("left out, since peers are missing or by --without:", ", ".join(left))
    candidates = [*PRESENT, *PORTFOLIOS, *RECIPES] if recipes is None else list(recipes)
    found = []
    for recipe in [name for name in candidates if name in kept]:
        gaps = sorted(set(kept.index[kept[recipe].isna()].get_level_values("data")))
        if gaps:
            print(f"left out, without {', '.join(gaps)}: {recipe}")
        else:
            found.append(recipe)
    pooled = [name for name in POOLED if name in kept and kept[name].notna().any()]
    return kept[[*PEERS, *pooled, *found]], found


def contenders_table(table: pd.DataFrame) -> pd.DataFrame:
    """Describe all contenders on all data sets."""
    scaled, rank = normalised(table), ranks(table.drop(columns=CONSTANT))
    by_families = by_family(by_set(scaled), family)
    return pd.DataFrame(
        {
            "normalised error": by_families.mean(),
            "standard error": by_families.sem(),
            "error / constant": by_family(by_set(shares(table)), family).mean(),
            "rank over tasks": rank.mean(),
            "rank over sets": by_set(rank).mean(),
        }
    ).sort_values("normalised error")


def left_out_table(table: pd.DataFrame, recipes: Sequence[str]) -> pd.DataFrame:
    """Describe each data set: the recipe chosen without its family, and normalised errors, also of the peers."""
    sets = by_set(normalised(table))
    chosen = choose_without(sets[list(recipes)], family)
    peers = sets.drop(columns=[*recipes, CONSTANT])
    best = {"best peer": peers.idxmin(axis=1), "its error": peers.min(axis=1)}
    return pd.DataFrame({"chosen": chosen, "error": taken(sets, chosen), **best, **peers})


def judge(table: pd.DataFrame, recipes: Sequence[str]) -> dict[str, dict[str, float]]:
    """Score the choice on families that were left out, and on the data that it was chosen on.

    Returns
    -------
    dict of str to dict
        For each figure its value ``left_out`` and ``in_sample``, the ``difference``, and standard errors over
        families. Ranks are those of the one chosen recipe among the peers.
    """
    peers = [name for name in table if name not in recipes and name != CONSTANT]
    sets = by_set(normalised(table))[list(recipes)]
    chosen, best = choose_without(sets, family), choose(sets, family)
    same = pd.Series(best, index=sets.index)
    places = pd.DataFrame({recipe: rank_among(table, recipe, peers) for recipe in recipes})
    of_tasks = {
        name: pd.Series([places.at[row, choice[row[0]]] for row in places.index], index=places.index)
        for name, choice in {"left": chosen, "same": same}.items()
    }
    over_sets = by_set(places)
    figures = {
        "normalised error": _compared(taken(sets, chosen), taken(sets, same)),
        "rank over families": _compared(taken(over_sets, chosen), taken(over_sets, same)),
    }
    means = {
        "rank over tasks": (of_tasks["left"].mean(), of_tasks["same"].mean()),
        "rank over sets": (taken(over_sets, chosen).mean(), taken(over_sets, same).mean()),
    }
    plain = {
        name: {"left_out": float(left), "in_sample": float(inside), "difference": float(left - inside)}
        for name, (left, inside) in means.items()
    }
    return figures | plain


def _compared(left_out: pd.Series, in_sample: pd.Series) -> dict[str, float]:
    """Average over families: siblings are not independent."""
    parts = {"left_out": left_out, "in_sample": in_sample, "difference": left_out - in_sample}
    found = {}
    for name, values in parts.items():
        found[name], found[f"{name}_se"] = mean_and_error(by_family(values, family))
    return found


def show(figures: Mapping[str, Mapping[str, float]]) -> None:
    print(f"\n{'means, se of families':22s}{'left out':>18s}{'in sample':>18s}{'difference':>18s}")
    for name, figure in figures.items():
        cells = [
            f"{figure[part]:.3f}" + (f" +- {figure[f'{part}_se']:.3f}" if f"{part}_se" in figure else "")
            for part in ("left_out", "in_sample", "difference")
        ]
        print(f"{name:22s}" + "".join(f"{cell:>18s}" for cell in cells))


if __name__ == "__main__":
    main()
