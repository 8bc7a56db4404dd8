"""Settings of all tests: speed is measured in ``benchmarks/``, so nothing here depends on it."""

import os

from hypothesis import settings

# the tables of tests are so small that compiling for them takes longer than it saves
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
settings.register_profile("sklearn_mtl", deadline=None)
settings.load_profile("sklearn_mtl")
