"""The `__main__.py` of swarmproof.pyz: unpacks it once, into the user's cache, and starts it from there.

Other processes are started from there too, and Python keeps what it compiles; from the archive every peer
would compile everything again. Old Pythons can read this file, and are told that they are too old;
therefore types are in comments here.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "swarmproof.pyz: needs Python 3.11 or newer, and this is Python %s: start it with a newer one\n"
        % sys.version.split()[0]
    )
    sys.exit(1)

import atexit
import hashlib
import os
import shutil
import signal
import tempfile
import zipfile
import zlib


def places():
    # type: () -> list[str]
    """Folders for what programs can make again, the usual one of this system first."""
    if sys.platform == "win32":
        usual = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        usual = os.path.expanduser("~/Library/Caches")
    else:
        usual = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return [os.path.join(usual, "swarmproof")] if os.path.isabs(usual) else []


def unpacked(archive):
    # type: (str) -> str
    """Return the folder with the archive's files, named by their hash; make it where it isn't there yet."""
    with open(archive, "rb") as file:
        name = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    with zipfile.ZipFile(archive) as packed:
        for place in places():
            try:
                return keep(packed, os.path.join(place, name))
            except OSError:  # such as a home that can't be written
                continue
        folder = tempfile.mkdtemp(prefix="swarmproof-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        packed.extractall(folder)
        return folder


def keep(packed, folder):
    # type: (zipfile.ZipFile, str) -> str
    """Unpack into `folder`, in one step for whoever looks at it; if it is whole, it stays as it is."""
    if is_whole(packed, folder):
        return folder
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    fresh = tempfile.mkdtemp(prefix="new-", dir=os.path.dirname(folder))
    try:
        packed.extractall(fresh)
        if os.path.isdir(folder):  # something removed a part of it
            os.rename(folder, os.path.join(fresh, "old"))
        os.rename(fresh, folder)
    except OSError:
        if not is_whole(packed, folder):  # else another process was faster
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(os.path.join(folder, "old"), ignore_errors=True)
    return folder


def is_whole(packed, folder):
    # type: (zipfile.ZipFile, str) -> bool
    """Whether all files are there in their sizes."""
    try:
        return all(
            os.stat(os.path.join(folder, entry.filename)).st_size == entry.file_size
            for entry in packed.infolist()
        )
    except OSError:
        return False


def main():
    # type: () -> int
    """Do what the command line says; the exit status."""
    usual = signal.signal(signal.SIGINT, lambda number, _frame: os._exit(128 + number))
    archive = sys.path[0]
    try:
        sys.path[0] = unpacked(archive)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        sys.stderr.write("swarmproof.pyz: can't be unpacked: {}\n".format(error))
        return 1
    from swarmproof import start

    signal.signal(signal.SIGINT, usual)
    return start.main()


if __name__ == "__main__":
    sys.exit(main())
