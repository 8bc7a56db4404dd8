"""Columns of any container, read by their values: arrays, frames, lists, labels."""
