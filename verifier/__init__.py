"""Decides from the logs of all peers whether the protocol was kept."""
