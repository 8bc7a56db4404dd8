"""Reliability tests that are too slow for the test suite: ``python -m tests.reliability.soak``, or ``make soak``.

Each part runs in a separate process, prints a table, and fails if its guarantee is violated.
"""

import argparse
import importlib
import os
import subprocess
import sys
import time

#: module and function of each part. The function takes the amount of work, 1.0 for the full test, prints a table
#: and returns whether the guarantee holds.
PARTS = {
    "mutants": ("_soak_files", "mutants"),
    "memory": ("_soak_files", "memory"),
    "kills-while-saving": ("_soak_files", "kills_while_saving"),
    "kills-while-training": ("_soak_checkpoints", "kills_while_training"),
    "resume-every-epoch": ("_soak_checkpoints", "resume_after_every_epoch"),
    "threads": ("_soak_threads", "predict_during_refits"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", action="append", choices=PARTS, help="one part, or several; all by default")
    parser.add_argument("--scale", type=float, default=1.0, help="how much to do; 1.0 for as much as is promised")
    options = parser.parse_args()
    parts = options.part or list(PARTS)
    broken = [part for part in parts if not (run if len(parts) == 1 else run_apart)(part, options.scale)]
    if broken:
        sys.exit(f"promises that do not hold: {', '.join(broken)}")


def run(part, scale):
    """Run a part; return whether its guarantee holds."""
    module, function = PARTS[part]
    print(f"\n{part}")
    start = time.perf_counter()
    holds = getattr(importlib.import_module(f".{module}", __package__), function)(scale)
    print(f"   {'holds' if holds else 'DOES NOT HOLD'}, {time.perf_counter() - start:.0f} s", flush=True)
    return holds


def run_apart(part, scale):
    command = [sys.executable, "-m", __spec__.name, "--part", part, "--scale", str(scale)]
    # processes that are forked must not find threads that are gone
    environment = {**os.environ, **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}}
    return subprocess.run(command, check=False, env=environment).returncode == 0


if __name__ == "__main__":
    main()
