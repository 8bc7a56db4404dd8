"""Saving and loading of fitted models, without pickle."""

from ._model_file import load_model, model_info, save_model

__all__ = ["load_model", "model_info", "save_model"]
