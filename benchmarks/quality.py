"""Scores of the defaults, compared with models for single targets and with other recipes.

Each data set is split into training and test rows several times. ``--only`` and ``--contenders`` run a part.
Results are stored by data set and contender, and not made again without ``--again``. Recipes of ``_recipes.py``
are stored beside them for ``pick_defaults.py``. ``--report`` prints tables of what is stored, and runs nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from _contenders import OTHERS, OURS, PEERS, POOLED, PORTFOLIOS, one_net
from _datasets import ROWS
from _harness import RESULTS
from _quality_report import report
from _quality_run import Options, run_all
from _recipes import RECIPES
from _single_targets import Contender

FOLDER = RESULTS / "quality"
RECIPE_FOLDER = RESULTS / "recipes"
DEFAULTS = Options()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS), help="data sets to run")
    parser.add_argument("--contenders", nargs="*", choices=contenders(), default=list(PEERS | POOLED | OURS))
    parser.add_argument("--again", action="store_true", help="also what has a result")
    parser.add_argument("--limit", type=float, default=DEFAULTS.limit_s, help="seconds of a fit")
    parser.add_argument("--jobs", type=int, default=DEFAULTS.jobs, help="data sets at a time")
    parser.add_argument("--busy", action="store_true", help="mark the times as those of a machine in use")
    parser.add_argument("--report", action="store_true", help="print what was kept, run nothing")
    options = parser.parse_args()
    failed: list[str] = []
    if not options.report:
        os.environ["OMP_NUM_THREADS"] = "1"  # read by the processes of the data sets
        how = Options(options.again, options.limit, options.busy, options.jobs)
        failed = run_all(options.only, options.contenders, contenders, how)
    report(FOLDER)
    if failed:
        sys.exit("failed: " + ", ".join(failed))


def contenders() -> Mapping[str, tuple[Contender, Path]]:
    """Return all contenders by name, with the folder of their results."""
    compared = PEERS | POOLED | OTHERS | OURS
    recipes = {name: one_net(**{"n_members": 8, **params}) for name, params in RECIPES.items()}
    return {name: (contender, FOLDER) for name, contender in compared.items()} | {
        name: (contender, RECIPE_FOLDER) for name, contender in (recipes | PORTFOLIOS).items()
    }


if __name__ == "__main__":
    main()
