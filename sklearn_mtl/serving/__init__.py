"""A fitted model as an HTTP service."""

from ._app import make_app

__all__ = ["make_app"]
