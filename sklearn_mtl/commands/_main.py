"""Arguments of the command line, and its errors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .._version import __version__
from ..exceptions import ModelFileError
from ._info import print_info
from ._predict import predict_file
from ._serve import serve_file

#: exit code of a command that failed, as that of argparse for wrong arguments
FAILED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command: "predict", "info" or "serve".

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        None takes those of the process.

    Returns
    -------
    int
        Exit code: 0, or 2 after an error, which is one line on standard error.

    Raises
    ------
    SystemExit
        For wrong arguments, with code 2, and after ``--help``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from sklearn_mtl import MultiTaskNetEstimator, save_model
    >>> from sklearn_mtl.commands import main
    >>> X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0] * 10})
    >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=2, random_state=0)
    >>> net = net.fit(X, pd.DataFrame({"third": X["a"] / 3}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model, rows = Path(folder) / "net.mtl", Path(folder) / "in.csv"
    ...     save_model(net, model)
    ...     X.to_csv(rows, index=False)
    ...     code = main(["predict", str(model), str(rows), str(rows.with_name("out.csv"))])
    40 rows, 1 task: out.csv
    >>> code
    0
    """
    asked = _parser().parse_args(arguments)
    try:
        asked.run(asked)
    except (ModelFileError, ImportError, OSError, TypeError, ValueError) as error:
        print(f"sklearn_mtl {asked.command}: {_reason(error)}", file=sys.stderr)
        return FAILED
    return 0


def _reason(error: Exception) -> str:
    """Return the message of an error as one line."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sklearn_mtl", description="Use models that save_model has written."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="{predict,info,serve}")
    _add_predict(commands)
    _add_info(commands)
    _add_serve(commands)
    return parser


def _add_predict(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("predict", help="predict the rows of a file, block by block")
    parser.add_argument("model", help="file of save_model")
    parser.add_argument("rows", help="Parquet file, folder or pattern of Parquet files, or CSV file (*.csv)")
    parser.add_argument("out", help="file to write: *.csv for CSV, otherwise Parquet")
    parser.add_argument("--proba", action="store_true", help="add the probabilities, as columns <task>__<class>")
    parser.add_argument(
        "--keep", action="append", default=[], metavar="COLUMN", help="column to copy; may be repeated"
    )
    parser.add_argument("--memory", default="1GB", help="bytes that rows may take at any time (default: 1GB)")
    parser.set_defaults(run=predict_file)


def _add_info(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("info", help="show tasks, columns, scores, versions and size of a model")
    parser.add_argument("model", help="file of save_model")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=print_info)


def _add_serve(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("serve", help="answer HTTP requests with predictions")
    parser.add_argument("model", help="file of save_model")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port (default: 8000); 0 takes a free one")
    parser.add_argument("--max-rows", type=int, default=10_000, help="rows of a request (default: 10000)")
    parser.add_argument("--max-bytes", type=int, default=10_000_000, help="bytes of a request (default: 10000000)")
    parser.set_defaults(run=serve_file)
