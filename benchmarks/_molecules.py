"""Molecules of MoleculeNet with their scaffold splits: fingerprints, many tasks, missing labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
from _harness import data_folder
from _rows import Rows, classes

# Seed of the sample of tasks.
SEED = 0


def molecules(name: str, n_tasks: int | None = None, descriptors: bool = False) -> Rows:
    """Read the fingerprints, with a sample of the tasks or all, and with the descriptors or without."""
    with np.load(data_folder("molecules") / f"{name}.npz") as kept:
        bits = np.unpackbits(kept["fingerprint_bits"], axis=1).astype(np.int8)
        X = pd.DataFrame(bits, columns=[f"bit{number}" for number in range(bits.shape[1])])
        if descriptors:
            numbers = kept["descriptors"].astype(float)
            X = X.join(pd.DataFrame(numbers).add_prefix("descriptor"))
        y = pd.DataFrame(kept["y"].astype(float), columns=kept["tasks"].astype(str))
        part = pd.Series(kept["scaffold_split"])
    if n_tasks is not None:
        chosen = np.random.default_rng(SEED).choice(y.shape[1], n_tasks, replace=False)
        y = y.iloc[:, np.sort(chosen)]
    has_numbers = not y.isin([0, 1]).where(y.notna(), True).all(axis=None)
    return Rows(X, y if has_numbers else classes(y), part=part)
