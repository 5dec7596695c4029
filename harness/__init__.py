"""The commands: swarms on this machine and across machines, watched, measured, simulated, judged.

`cli.py` has them all; each room below has what some of them do.
"""
