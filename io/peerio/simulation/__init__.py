"""Whole swarms of real cores in one process, under a virtual clock: no sockets, threads or sleeps.

`network` is a second implementation of the networking contract (`peerio.contract`); above it
everything is what runs under real sockets: core, runtime, event log, trace.
"""
