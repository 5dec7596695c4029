"""`python -m tests.kit.histories`: make the recorded histories again, and their README.

`--record NAME ...` makes such ones anew that real processes made, which gives other logs each time.
"""

from __future__ import annotations

import argparse
import shutil

from tests.kit.histories.book import BOOK, HISTORIES
from tests.kit.histories.shelf import README, readme, write

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.kit.histories", description=__doc__)
    parser.add_argument("--record", nargs="+", default=[], metavar="NAME", choices=list(BOOK))
    record = parser.parse_args().record
    for folder in HISTORIES.iterdir():
        if folder.is_dir() and folder.name not in BOOK:
            shutil.rmtree(folder)
    for name in record:
        write(BOOK[name], BOOK[name].record())
    for name, history in BOOK.items():
        if name not in record:
            write(history, history.files())
    README.write_text(readme(), encoding="utf-8")
