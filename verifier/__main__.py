"""`python -m verifier`. Old Pythons can read this file, and are told that they are too old."""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "verifier: needs Python 3.11 or newer, and this is Python %s: start it with a newer one\n"
        % sys.version.split()[0]
    )
    sys.exit(2)

import gc
import os

from verifier.cli import main

if __name__ == "__main__":
    gc.disable()  # hardly anything is made in circles, and looking for some takes a twelfth of the time
    if hasattr(sys.stdout, "reconfigure"):  # where it is ASCII, other characters end nothing
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
