"""Helpers that every floor may use; nothing here knows about tasks or networks."""
