"""`python -m probe`."""

from __future__ import annotations

import os
import sys

from probe.cli import main

if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):  # where it is ASCII, other characters end nothing
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    sys.exit(status)
