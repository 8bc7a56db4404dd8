"""Diagrams of the data flow through a network: layout and drawing."""
