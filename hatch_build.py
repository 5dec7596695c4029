"""What pyproject.toml can't say: where a wheel's one single file goes, and no to old Pythons before pip searches."""

from __future__ import annotations

import compileall
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


class Check(MetadataHookInterface):  # type: ignore[misc,unused-ignore] # not always installed
    """Ends the installation by an old Python."""

    def update(self, metadata: dict[str, Any]) -> None:  # noqa: ARG002 -- nothing is changed
        """Say so at once: old versions of pip try every version of every library first, for minutes."""
        if sys.version_info < (3, 11):  # noqa: UP036 -- this file is run by whatever pip runs on
            version = sys.version.split()[0]
            sys.exit(
                f"swarmproof needs Python 3.11 or newer, and this is Python {version}: make the "
                "environment with a newer one, such as `python3.11 -m venv .venv`"
            )


COMPILED = ("core", "io", "harness", "verifier", "probe", "swarmproof")


class Placing(BuildHookInterface):  # type: ignore[type-arg,misc,unused-ignore] # likewise
    """Puts peerProcess.py into the folder that holds the rest of the project; compiles a checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put it in its place, where an editable installation has it already."""
        if version == "standard":
            build_data["force_include"]["peerProcess.py"] = "swarmproof/inside/peerProcess.py"
            return
        # As pip does with what it copies. Else each of a swarm's peers would do so at each start wherever
        # Python may not keep what it compiled (PYTHONDONTWRITEBYTECODE, as in many containers).
        for folder in COMPILED:
            compileall.compile_dir(Path(self.root) / folder, quiet=2)
