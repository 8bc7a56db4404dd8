"""Fits as runs of MLflow."""

from ._mlflow import load_from_mlflow, log_to_mlflow

__all__ = ["load_from_mlflow", "log_to_mlflow"]
