"""The way of the data through a network, laid out and drawn."""
