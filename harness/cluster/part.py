"""One part of handed-out work in a process of its own: read from stdin, its result written to stdout.

A worker of a cluster starts it (`worker.py`), and keeps its stdin open: when that ends, so does this process.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import threading

from verifier.work.processes import told_of

SIZE = struct.Struct("!Q")


def main() -> None:
    """Do the part and hand back `(result, "")`, or `(None, what was raised)`."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed must not get among the answer
    (size,) = SIZE.unpack(sys.stdin.buffer.read(SIZE.size))
    work, part = pickle.loads(sys.stdin.buffer.read(size))  # noqa: S301 -- who may send it, may run anything here
    threading.Thread(target=_end_with_worker, daemon=True).start()
    try:
        answer = (work(part), "")
    except Exception as error:  # noqa: BLE001  # whatever it is, who handed it out has to know
        answer = (None, told_of(error))
    with answers:
        pickle.dump(answer, answers)


def _end_with_worker() -> None:
    os.read(0, 1)
    os._exit(1)
