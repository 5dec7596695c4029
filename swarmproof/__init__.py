"""Distributes a file to a group of machines, and checks from their logs that the protocol was followed."""

__version__ = "0.1.0"
