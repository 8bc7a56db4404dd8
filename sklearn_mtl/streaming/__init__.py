"""Rows that do not fit into memory: sources that are read in blocks, and predictions that go to a file."""

from ._predict import predict_to_parquet
from ._stream import Stream

__all__ = ["Stream", "predict_to_parquet"]
