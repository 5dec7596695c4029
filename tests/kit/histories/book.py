"""The register of recorded histories: what each shows, how it was made, what the verifier must say.

A recipe makes a run as the specification prescribes its files; what it is dressed in (wording, encoding,
names) comes after. So what is in a run is counted before anybody writes it in another form.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from tests.kit.verifier.judging import Run

HISTORIES = Path(__file__).parents[2] / "histories"
"""Where they are kept, a folder each."""
Files = dict[str, bytes]
"""The files of a run by their names, which may have folders in them."""

PEER = r": Peer \d+ "
SENTENCES = {
    "makes a connection": r"makes a connection to Peer \d+\.",
    "is connected": r"is connected from Peer \d+\.",
    "preferred": r"has the preferred neighbors (\d+(,\d+)*)?\.",
    "optimistic": r"has the optimistically unchoked neighbor \d+\.",
    "unchoked": r"is unchoked by \d+\.",
    "choked": r"is choked by \d+\.",
    "have": r"received the 'have' message from \d+ for the piece \d+\.",
    "interested": r"received the 'interested' message from \d+\.",
    "not interested": r"received the 'not interested' message from \d+\.",
    "downloaded": r"has downloaded the piece \d+ from \d+\. Now the number of pieces it has is \d+\.",
    "complete": r"has downloaded the complete file\.",
}
"""The eleven sentences behind their subject, in the order of the specification (spec 8.1)."""


@dataclass(frozen=True)
class Expected:
    """What the verifier must say of a run: checks with errors, with no more than warnings, undecided ones."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """PASS, FAIL or UNDECIDED."""
        return "FAIL" if self.errors else "UNDECIDED" if self.undecided else "PASS"


def said(errors: str = "", warnings: str = "", undecided: str = "") -> Expected:
    """The same, from ids with blanks between them."""
    return Expected(tuple(errors.split()), tuple(warnings.split()), tuple(undecided.split()))


PASSES = said()


def plain(run: Run) -> Files:
    """The files as they are."""
    return {name: "".join(lines).encode() for name, lines in run.files.items()}


@dataclass(frozen=True)
class History:
    """A recorded run. `strict` and `lenient` have an entry for each run in its logs."""

    name: str
    module: str
    shows: str
    origin: str
    make: Callable[[], Run]
    dress: Callable[[Run], Files]
    strict: tuple[Expected, ...]
    lenient: tuple[Expected, ...]
    refused: str
    """Where it can't be judged: a part of the message that says why."""
    recorded: bool
    """Real processes made it: it can't be made again, byte by byte."""

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return HISTORIES / self.name

    def files(self) -> Files:
        """All its files, made anew, or of a recorded one those that are kept."""
        run = kept(self.folder) if self.recorded else self.make()
        return self.described(run)

    def record(self) -> Files:
        """All its files, made anew even if they will be others."""
        return self.described(self.make())

    def described(self, run: Run) -> Files:
        """A run's files with their description."""
        return self.dress(run) | {"history.toml": self.description(run).encode()}

    def description(self, run: Run) -> str:
        """What `history.toml` says."""
        lines = [
            f"shows = {quoted(self.shows)}",
            f"origin = {quoted(self.origin)}",
            f"made_again = {str(not self.recorded).lower()}",
        ]
        if self.refused:
            return "\n".join([*lines, f"refused = {quoted(self.refused)}", ""])
        lines += ["", "[events]"]
        lines += [f"{quoted(name)} = {count}" for name, count in count_events(run).items()]
        for strict, lenient in zip(self.strict, self.lenient, strict=True):
            lines += ["", "[[runs]]"]
            for mode, expected in (("strict", strict), ("lenient", lenient)):
                lines.append(f"{mode}.verdict = {quoted(expected.verdict)}")
                lines.append(f"{mode}.errors = {ids(expected.errors)}")
                lines.append(f"{mode}.warnings = {ids(expected.warnings)}")
                lines.append(f"{mode}.undecided = {ids(expected.undecided)}")
        return "\n".join([*lines, ""])


def quoted(text: str) -> str:
    """A text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False)


def ids(names: tuple[str, ...]) -> str:
    """Checks as TOML writes them."""
    return "[" + ", ".join(quoted(name) for name in names) + "]"


def count_events(run: Run) -> dict[str, int]:
    """How often each sentence stands in the logs, whole and with its line's end; the full stop may lack."""
    found: Counter[str] = Counter()
    rules = {name: re.compile(rf".+{PEER}{words}?\n") for name, words in SENTENCES.items()}
    for file, lines in run.files.items():
        if "log_peer_" in file:
            for line in lines:
                found.update(name for name, rule in rules.items() if rule.fullmatch(line))
    return {name: found[name] for name in SENTENCES}


def kept(folder: Path) -> Run:
    """A run that is kept as the specification prescribes it."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name != "history.toml":
            data = path.read_bytes()
            text = gzip.decompress(data) if path.suffix == ".gz" else data
            files[path.name.removesuffix(".gz")] = text.decode().splitlines(keepends=True)
    return Run(files)


BOOK: dict[str, History] = {}
"""All histories by name, once the recipes are imported."""
Recipe = Callable[[], Run]
Entry = TypeVar("Entry", bound=Callable[[], Run | None])


def history(
    origin: str,
    *,
    make: Recipe | None = None,
    strict: Expected | tuple[Expected, ...] = (),
    lenient: Expected | tuple[Expected, ...] | None = None,
    refused: str = "",
    dress: Callable[[Run], Files] = plain,
    recorded: bool = False,
) -> Callable[[Entry], Entry]:
    """Enter the decorated recipe; its docstring says in one sentence what the history shows.

    Where `make` is the recipe, the decorated function has its name and sentence only. `lenient` is said
    only where it isn't the same as `strict`.
    """
    lenient = strict if lenient is None else lenient

    def enter(recipe: Entry) -> Entry:
        name = recipe.__name__.replace("_", "-")
        assert name not in BOOK, name
        BOOK[name] = History(
            name,
            recipe.__module__,
            " ".join((recipe.__doc__ or "").split()),
            origin,
            make or cast("Recipe", recipe),
            dress,
            strict if isinstance(strict, tuple) else (strict,),
            lenient if isinstance(lenient, tuple) else (lenient,),
            refused,
            recorded,
        )
        return recipe

    return enter
