"""The command `swarmproof`, also as `python -m swarmproof`. Old Pythons can read this file, and are told."""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "swarmproof: needs Python 3.11 or newer, and this is Python %s: start it with a newer one\n"
        % sys.version.split()[0]
    )
    sys.exit(1)

from swarmproof.start import main

if __name__ == "__main__":
    sys.exit(main())
