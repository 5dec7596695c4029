"""The files of installed libraries, to be packed for machines that don't have them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path, PurePosixPath

from harness.errors import HarnessError

_LEGAL = ("LICENSE", "LICENCE", "COPYING", "NOTICE")


def distribution(name: str, *, extra: str) -> metadata.Distribution:
    """Return an installed library; HarnessError where it isn't, with the extra that brings it."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise HarnessError(
            f"{name} isn't installed here, so that it can't be packed for other machines: "
            f"install the project with `pip install -e '.[{extra}]'`"
        ) from None


def modules(library: metadata.Distribution) -> dict[str, bytes]:
    """Its Python files, by their paths below site-packages; HarnessError where it has compiled parts."""
    found = {}
    for file in library.files or ():
        path = PurePosixPath(file.as_posix())
        if path.suffix in {".so", ".pyd"}:
            raise HarnessError(
                f"{library.name} isn't pure Python here ({path.name}), so that it can't be sent "
                "to other machines: install its pure variant, or start the peers there by hand"
            )
        if path.suffix == ".py" and ".." not in path.parts:
            found[path.as_posix()] = Path(str(file.locate())).read_bytes()
    return found


def licences(library: metadata.Distribution) -> dict[str, bytes]:
    """Its licence texts, by name: whoever passes a library on passes them on too."""
    return {
        file.name: Path(str(file.locate())).read_bytes()
        for file in library.files or ()
        if file.name.startswith(_LEGAL) and ".dist-info" in file.parts[0]
    }
