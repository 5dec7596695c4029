"""Bytes, sockets, files, clocks and logs around the sans-IO core."""
