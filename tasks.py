"""The project's commands: `invoke --list` names them, `invoke NAME --help` explains one."""

from harness import cli

namespace = cli.tasks()
