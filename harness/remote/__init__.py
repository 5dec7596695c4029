"""Swarms across machines: `invoke remote.*`, over SSH.

The controller, where the command is given, speaks with one agent on each host: a program of the
standard library alone that is sent over the connection itself, so that it always fits the
controller and that nothing has to be there before it. Fabric is imported in `ssh.py` only.
"""
