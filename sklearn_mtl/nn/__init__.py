"""Layers with a leading member axis, and networks stacked along it."""
