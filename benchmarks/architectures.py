"""Architectures: accuracy on Adult, cost of experts, related and unrelated tasks, prediction of some tasks."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import _architectures_adult
import _architectures_cost
import _architectures_subset
import _architectures_synthetic
from _harness import save


def main() -> None:
    parts: dict[str, Callable[[], Any]] = {
        "adult": lambda: _architectures_adult.run(arguments.seeds),
        "cost": lambda: _architectures_cost.run(arguments.rounds),
        "synthetic": lambda: _architectures_synthetic.run(arguments.seeds, arguments.plot),
        "subset": lambda: _architectures_subset.run(arguments.rounds),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=parts, action="append", help="default: all; may be given several times")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--plot", metavar="PATH", help="where to draw the errors of the synthetic part")
    arguments = parser.parse_args()
    for name in arguments.part or parts:
        save(f"architectures_{name}", {"results": parts[name]()})


if __name__ == "__main__":
    main()
