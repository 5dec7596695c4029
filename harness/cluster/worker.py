"""What a worker of a cluster does with a part: a process of its own does it, with the program that was sent.

So a worker of any number of threads uses as many processors, and neither an older program in its memory nor
a part that crashes matters to it. This file is sent as it is to workers that have nothing of ours: it
imports nothing but the standard library and Dask.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

_PROGRAM = """\
import sys
sys.path[:0] = [{folder!r}, {io!r}]
from harness.cluster.part import main
main()
"""


def run_apart(archive: str, payload: bytes) -> tuple[bytes, str]:
    """The answer of the process that did this part, and nothing; else nothing, and how it died."""
    from distributed import get_worker  # noqa: PLC0415 -- nobody else has it

    folder = unpacked(Path(get_worker().local_directory) / archive)
    program = _PROGRAM.format(folder=str(folder), io=str(folder / "io"))
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(struct.pack("!Q", len(payload)) + payload)
            process.stdin.flush()
            answer = process.stdout.read()
        except BrokenPipeError:
            answer = b""
        finally:
            process.kill()  # it has said all, or this thread is being ended
        if answer:
            return answer, ""
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - 1000))
        last = errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
        return b"", f"ended with status {process.wait()} {last}".rstrip()


def unpacked(archive: Path) -> Path:
    """The folder of what is in an archive, beside it; unpacked by whoever comes first."""
    folder = archive.with_suffix("")
    if not folder.exists():
        made = Path(tempfile.mkdtemp(dir=archive.parent))
        with zipfile.ZipFile(archive) as file:
            file.extractall(made)
        try:
            made.rename(folder)
        except OSError:  # another thread was quicker
            shutil.rmtree(made)
    return folder
