"""The service of a model file."""

from __future__ import annotations

import argparse

from ..persistence import load_model
from ..serving import make_app
from ..utils._optional import import_optional


def serve_file(asked: argparse.Namespace) -> None:
    """Answer requests until the process is interrupted."""
    uvicorn = import_optional("uvicorn", "serve", "serve")
    app = make_app(load_model(asked.model), max_rows=asked.max_rows, max_bytes=asked.max_bytes)
    uvicorn.run(app, host=asked.host, port=asked.port, access_log=False)
