"""Timing of contenders in turn in one process: medians and ratios, with versions and machine."""

from __future__ import annotations

import datetime
import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("sklearn-mtl", "torch", "scikit-learn", "skorch", "numpy")


def run_in_turn(contenders: Mapping[str, Callable[[], Any]], rounds: int = 7) -> dict[str, list[float]]:
    """Run every contender once per round, after a warm-up round; return seconds by contender.

    Parameters
    ----------
    contenders : mapping of str to callable
        What to time, by name.
    rounds : int, default=7
        Timed rounds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(rounds + 1):
        for name, contender in contenders.items():
            gc.collect()
            start = time.perf_counter()
            contender()
            if round_:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def table(title: str, seconds: Mapping[str, list[float]], unit: float = 1e-3) -> list[dict[str, Any]]:
    """Print medians, and their ratios to the median of the first contender.

    Parameters
    ----------
    title : str
        Heading.
    seconds : mapping of str to list of float
        What `run_in_turn` returned.
    unit : float, default=1e-3
        Seconds per printed unit: 1e-3 prints milliseconds, 1e-6 microseconds.
    """
    symbol = {1e-3: "ms", 1e-6: "us", 1.0: "s"}[unit]
    base = statistics.median(next(iter(seconds.values())))
    print(f"\n{title}\n{'contender':44s}{'median ' + symbol:>12s}{'min':>10s}{'max':>10s}{'ours / it':>12s}")
    rows = []
    for name, values in seconds.items():
        median = statistics.median(values)
        rows.append({"contender": name, "median_s": median, "all_s": values, "ours_over_it": base / median})
        low, high = min(values) / unit, max(values) / unit
        print(f"{name:44s}{median / unit:12.1f}{low:10.1f}{high:10.1f}{base / median:12.2f}")
    return rows


def environment() -> dict[str, Any]:
    """Describe date, versions and machine."""
    import torch

    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def save(name: str, content: Mapping[str, Any]) -> None:
    """Write the results of a benchmark as JSON, with the environment."""
    described = environment()
    print("\n" + ", ".join(f"{key} {value}" for key, value in described.items()))
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"environment": described, **content}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")


def stored(name: str) -> dict[str, Any]:
    """Read the stored results of a benchmark; empty if there are none."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def data_folder(name: str) -> Path:
    """Find a folder of real data, or exit with a message."""
    root = os.environ.get("SKLEARN_MTL_DATA")
    if not root or not (Path(root) / name).is_dir():
        sys.exit(f"Set SKLEARN_MTL_DATA to the folder that holds the data set {name!r}; see CONTRIBUTING.md.")
    return Path(root) / name
