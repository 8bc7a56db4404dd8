"""Short runs of the soak tests."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .soak import PARTS

ROOT = Path(__file__).parents[2]


def soak(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.reliability.soak", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes as POSIX does")
def test_fits_that_are_killed_at_random_moments_go_on_to_the_same_model():
    table = soak("--part", "kills-while-training", "--scale", "0.03")
    counted = [line.split()[-1] for line in table.splitlines() if "kills  " in line or "bit by bit" in line]
    assert "holds" in table
    assert counted == ["6", "6"]


def test_every_part_says_what_it_shows():
    assert "usage" in soak("--help")
    assert all(module.startswith("_soak_") for module, _ in PARTS.values())
