"""The command line: ``python -m sklearn_mtl``."""

import sys

from .commands import main

if __name__ == "__main__":
    sys.exit(main())
