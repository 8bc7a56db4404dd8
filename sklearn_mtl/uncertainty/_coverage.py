"""How often sets hold the labels, and how large they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ._scorers import Scorer


def coverage_table(
    pandas: Any,
    scorers: Mapping[str, Scorer],
    truth: Mapping[str, np.ndarray],
    sets: Mapping[str, np.ndarray],
    *,
    with_all: bool,
) -> Any:
    """Return a frame of a row for each task, see `ConformalMultiTask.score_sets`, and maybe one for all."""
    records, inside_of = {}, []
    for name, scorer in scorers.items():
        inside, sizes = scorer.covered(truth[name], sets[name])
        labelled = ~np.isnan(inside)
        inside_of.append(inside)
        records[name] = {
            "coverage": float(inside[labelled].mean()) if labelled.any() else float("nan"),
            "size": float(sizes.mean()) if len(sizes) else float("nan"),
            "n_rows": int(labelled.any(axis=1).sum()),
        }
    if with_all:
        every = np.hstack(inside_of)
        every = every[~np.isnan(every).any(axis=1)]
        share = float(every.all(axis=1).mean()) if len(every) else float("nan")
        records["all"] = {"coverage": share, "size": float("nan"), "n_rows": len(every)}
    table = pandas.DataFrame.from_dict(records, orient="index", columns=["coverage", "size", "n_rows"])
    return table.rename_axis("task")
