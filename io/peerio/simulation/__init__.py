"""Whole swarms in one process, under a virtual clock: no threads, no sleeps, no kernel.

Everything above the sockets is what ships: core, runtime, event log, trace, and the networking with its
loop. `wire` and `sockets` have the sockets in virtual time, `hosts` the system around them, `faults` what befalls them, `life` a peer's process on
them, `swarm` all peers together, and `scenario` says what a swarm looks like.
"""
