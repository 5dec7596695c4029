"""The histories as they are kept: written into their folders, and listed in the README."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.kit.histories import behaviour, files, forms, mutants, programs
from tests.kit.histories.book import BOOK, HISTORIES, Files, History

README = HISTORIES / "README.md"
RECIPES = {
    behaviour: "Right swarms, and some wrong ones",
    forms: "The forms of other programs",
    files: "Incomplete files, several runs in one file, wrong configurations",
    mutants: "The program with one thing wrong",
    programs: "The program itself, and real processes",
}
"""The modules of recipes, which enter them in the book, each with the heading of its part."""


def write(history: History, made: Files) -> None:
    """Put a history's files in its folder, and nothing else."""
    shutil.rmtree(history.folder, ignore_errors=True)
    for name, data in made.items():
        path = history.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def stored(folder: Path) -> Files:
    """What is in a history's folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


HEAD = """# Recorded histories

Small runs, good and bad, to try a verifier on. Each folder has the configuration and the logs of a run, some have traces, and `history.toml` describes it:

| key | meaning |
|---|---|
| `shows` | what the history shows, in one sentence |
| `origin` | how it was made |
| `made_again` | true: making it again gives the same bytes; false: real processes wrote it |
| `[events]` | how often each of the eleven sentences occurs in the logs, counted before they were put into another form |
| `[[runs]]` | for each run in the logs and for both modes of the verifier: the verdict, and the ids of the rules with errors, with warnings only, and of those that are undecided |
| `refused` | for logs that can't be judged: a part of the message |

We made all of them. `tests/verifier/test_histories.py` judges each one. Try it yourself:

```sh
python -m verifier --lenient tests/histories/misspelled-duplicates
```

The recipes are in `tests/kit/histories/`. `python -m tests.kit.histories` makes all histories and this page again. `--record NAME` records a history of real processes again, with other logs. After a change to the program, histories of the program itself may change: check that the verdicts are still right, and say so in the commit.
"""


def readme() -> str:
    """The page that lists them."""
    parts = [HEAD]
    for module, heading in RECIPES.items():
        parts.append(
            f"\n## {heading}\n| history | strict | lenient | what it shows |\n|---|---|---|---|\n"
        )
        parts += [
            f"| [{one.name}]({one.name}/history.toml) | {verdicts(one, 'strict')} |"
            f" {verdicts(one, 'lenient')} | {one.shows} |\n"
            for one in BOOK.values()
            if one.module == module.__name__
        ]
    return "".join(parts)


def verdicts(history: History, mode: str) -> str:
    """How its runs come out in this mode, with the rules that make it so."""
    if history.refused:
        return "refused"
    runs = history.strict if mode == "strict" else history.lenient
    return ", then ".join(" ".join([one.verdict, *(one.errors or one.undecided)]) for one in runs)
