"""Helpers for all other packages, independent of tasks and networks."""
