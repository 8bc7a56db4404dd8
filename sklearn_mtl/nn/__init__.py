"""Layers with a leading axis of members, and networks stacked along it."""
