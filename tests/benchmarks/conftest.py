"""The benchmarks are scripts that import each other by name."""

import sys
from pathlib import Path

# behind all other folders: no script may take the place of a library
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
