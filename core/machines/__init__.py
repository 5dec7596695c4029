"""The machines that make up what we know of one neighbor: a page each, prose first, then one table.

1. `upload`: our choke of the neighbor.
2. `download`: its choke of us, and our request to it.
3. `our_interest` and `its_interest`: who wants something of whom.
4. `connection`: the way of one connection from the dial to the end.

They are orthogonal: none reads another's state, `core.peer` composes them. Two house rules: all that
changes a machine's state is in its table, and a trigger that the table doesn't name for a state is
refused with an error that leaves the state as it was. A refusal is a bug of ours (the composing code
asks `state` first), never something that a neighbor can bring about.
"""

from core.machines.base import Machines, Observer
from core.machines.connection import Connection
from core.machines.download import Download
from core.machines.interest import ItsInterest, OurInterest
from core.machines.upload import Upload

__all__ = [
    "Connection",
    "Download",
    "ItsInterest",
    "Machines",
    "Observer",
    "OurInterest",
    "Upload",
]
