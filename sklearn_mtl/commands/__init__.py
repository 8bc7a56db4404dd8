"""The command line: predictions of files, what a model file holds, and a service."""

from ._main import main

__all__ = ["main"]
