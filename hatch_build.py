"""What pyproject.toml can't say of a wheel: where its one single file goes."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):  # type: ignore[type-arg,misc,unused-ignore] # not always installed
    """Puts peerProcess.py into the folder that holds the rest of the project."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """An editable installation has it in its place already."""
        if version == "standard":
            build_data["force_include"]["peerProcess.py"] = "swarmproof/inside/peerProcess.py"
