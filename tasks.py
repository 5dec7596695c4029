"""The project's commands: `invoke --list` names them, `invoke NAME --help` explains one."""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "invoke: swarmproof needs Python 3.11 or newer, and this is Python %s: "
        "install with a newer one, `python3.11 -m venv .venv`\n" % sys.version.split()[0]
    )
    sys.exit(1)

from swarmproof.start import loading

with loading("invoke"):
    from harness import invoking

    namespace = invoking.tasks()
