"""Reads a rubric: a small TOML file that gives points to parts, each for rules and other criteria."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from verifier.checks.registry import FAMILIES
from verifier.reading.config import InputError
from verifier.rules import CHECKS
from verifier.showing import shown

COMPLETION, PRESENT, EXERCISED = "completion", "present", "exercised"
CRITERIA = {
    COMPLETION: "every peer has the complete file",
    PRESENT: "every peer has a log",
    EXERCISED: "every leecher downloads something",
}
"""Criteria that are no rule: all of them, and what earns full credit."""
RUNS = ("best", "last", "worst")
VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")
MOST_POINTS = 10_000
LARGEST = 1 << 20
"""Bytes of a rubric."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the score.

    `gives` are the criteria that its points are shared out to, by weight. `costs` take as much away
    when they are broken, and give nothing. `partial` is the share for a warning, or for what can't be
    decided.
    """

    name: str
    points: float
    gives: dict[str, float]
    costs: dict[str, float]
    partial: float
    visibility: str


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit to the score, or to a part's: where a criterion earns nothing, or less than all (`strict`)."""

    criterion: str
    strict: bool
    at_most: float
    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rubric:
    """All parts in their order; `runs` says which of several runs counts.

    `follows` has for some rules in `costs` those (or families) from which their breach follows.
    """

    name: str
    runs: str
    parts: list[Part]
    caps: list[Cap] = field(default_factory=list)
    follows: dict[str, list[str]] = field(default_factory=dict)

    @property
    def points(self) -> float:
        """What can be reached."""
        return round(sum(part.points for part in self.parts), 2)


def example() -> str:
    """The default rubric with its comments."""
    return files("verifier.grading").joinpath("default.toml").read_text(encoding="utf-8")


def load(path: Path | None) -> Rubric:
    """Read a rubric, the default where none is named; InputError with file, line and what was expected."""
    if path is None:
        return _Reader("the default rubric", example()).rubric()
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{shown(path)}: can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{shown(path)}:{line}: no UTF-8 text; save the rubric as UTF-8") from None
    if len(data) > LARGEST:
        raise InputError(f"{shown(path)}: larger than 1 MiB; that is no rubric")
    return _Reader(shown(path), text).rubric()


class _Reader:
    """A rubric's text, and where in it something stands."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._lines = text.splitlines()
        try:
            self._data = tomllib.loads(text)
        except RecursionError:
            raise InputError(
                f"{name}:1: lists in lists in lists: expected `key = value` lines"
            ) from None
        except tomllib.TOMLDecodeError as error:
            found = re.search(r" \(at line (\d+), column (\d+)\)", str(error))
            line = int(found[1]) if found else max(1, len(self._lines))
            what = str(error).partition(" (at ")[0]
            raise InputError(
                f"{name}:{line}: no TOML: {shown(what)}; expected `key = value` lines"
                " (`--rubric-example` prints a rubric)"
            ) from None

    def rubric(self) -> Rubric:
        """All of it, checked."""
        self._known(self._data, ("name", "runs", "partial", "follows", "part", "cap"), "", 0)
        runs = self._data.get("runs", "best")
        if runs not in RUNS:
            self._fail("", 0, "runs", f"{runs!r}: expected one of {', '.join(RUNS)}")
        partial = self._share(self._data, "", 0, "partial", 0.5)
        tables = self._tables("part")
        if not tables:
            self._fail("", 0, "part", "no [[part]]: expected one at least")
        named = self._all_named(tables)
        parts = [self._part(nth, table, partial, named) for nth, table in enumerate(tables, 1)]
        names = [part.name for part in parts]
        for nth, name in enumerate(names, 1):
            if name in names[: nth - 1]:
                self._fail("part", nth, "name", f"{name!r} is an earlier part's, too")
        caps = [self._cap(nth, table, names) for nth, table in enumerate(self._tables("cap"), 1)]
        follows = self._follows({rule for part in parts for rule in part.costs})
        return Rubric(str(self._data.get("name", self._name)), runs, parts, caps, follows)

    def _tables(self, kind: str) -> list[dict[str, Any]]:
        found = self._data.get(kind, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            self._fail("", 0, kind, f"expected tables, each begun with [[{kind}]]")
        return found

    def _all_named(self, tables: list[dict[str, Any]]) -> set[str]:
        """All rules that some part names, which a family's letter doesn't mean then."""
        lists = [table.get(key) for table in tables for key in ("gives", "costs")]
        return {one for names in lists if isinstance(names, list) for one in map(str, names)}

    def _part(self, nth: int, table: dict[str, Any], partial: float, named: set[str]) -> Part:
        known = ("name", "points", "gives", "costs", "weights", "partial", "visibility")
        self._known(table, known, "part", nth)
        name = table.get("name")
        if not isinstance(name, str) or not name.strip():
            self._fail("part", nth, "name", 'expected a name, such as name = "Choking"')
        points = self._number(table, "part", nth, "points")
        if not 0 < points <= MOST_POINTS:
            self._fail(
                "part", nth, "points", f"{points:g}: expected more than 0, at most {MOST_POINTS}"
            )
        gives = self._criteria(table, nth, "gives", named)
        costs = self._criteria(table, nth, "costs", named)
        if not gives:
            self._fail(
                "part", nth, "gives", 'expected one criterion at least, such as gives = ["K01"]'
            )
        for one in gives.keys() & costs.keys():
            self._fail(
                "part", nth, "costs", f"{one} is in gives, too: expected it in one of them", one
            )
        visibility = table.get("visibility", "visible")
        if visibility not in VISIBILITIES:
            expected = ", ".join(VISIBILITIES)
            self._fail("part", nth, "visibility", f"{visibility!r}: expected one of {expected}")
        self._weigh(table, nth, gives, costs)
        share = self._share(table, "part", nth, "partial", partial)
        return Part(name.strip(), float(points), gives, costs, share, visibility)

    def _criteria(
        self, table: dict[str, Any], nth: int, key: str, named: set[str]
    ) -> dict[str, float]:
        """The criteria of a list, a family as the rules that no part names, each with the weight 1."""
        found = table.get(key, [])
        if not isinstance(found, list):
            self._fail("part", nth, key, f'expected a list, such as {key} = ["K01", "K02"]')
        criteria: dict[str, float] = {}
        for one in found:
            self._criterion("part", nth, key, one)
            rules = [one]
            if one in FAMILIES:
                rules = [c.id for c in CHECKS.values() if c.family == one and c.id not in named]
            for rule in rules:
                if rule in criteria:
                    self._fail("part", nth, key, f"{rule} is there twice", one)
                criteria[rule] = 1.0
        return criteria

    def _criterion(self, kind: str, nth: int, key: str, one: object) -> None:
        """See that a text names a criterion."""
        text = one if isinstance(one, str) else ""
        head, colon, letter = text.partition(":")
        if text in CRITERIA or text in CHECKS or (text in FAMILIES and kind == "part"):
            return
        if colon and head == EXERCISED and letter in FAMILIES:
            return
        families = f"a family ({', '.join(FAMILIES)}), " if kind == "part" else ""
        self._fail(
            kind, nth, key,
            f"{one!r}: expected a rule such as K01, {families}{', '.join(CRITERIA)},"
            f" or {EXERCISED}:K for a family",
            one,
        )  # fmt: skip

    def _weigh(
        self, table: dict[str, Any], nth: int, gives: dict[str, float], costs: dict[str, float]
    ) -> None:
        weights = table.get("weights", {})
        if not isinstance(weights, dict):
            self._fail("part", nth, "weights", "expected a table: weights = { K09 = 3 }")
        for one, weight in weights.items():
            good = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not good or not 0 < weight <= MOST_POINTS:
                self._fail(
                    "part", nth, "weights", f"{one} = {weight!r}: expected a number above 0", one
                )
            if one not in gives and one not in costs:
                self._fail("part", nth, "weights", f"{one!r} is neither in gives nor in costs", one)
            (gives if one in gives else costs)[one] = float(weight)

    def _cap(self, nth: int, table: dict[str, Any], parts: list[str]) -> Cap:
        self._known(table, ("unless", "without", "at_most", "part", "reason"), "cap", nth)
        given = [key for key in ("unless", "without") if key in table]
        if len(given) != 1:
            self._fail("cap", nth, "unless", "expected either unless or without, with a criterion")
        criterion = table[given[0]]
        self._criterion("cap", nth, given[0], criterion)
        at_most = self._number(table, "cap", nth, "at_most")
        if not 0 <= at_most <= MOST_POINTS * len(parts):
            self._fail("cap", nth, "at_most", f"{at_most:g}: expected points from 0")
        part = table.get("part", "")
        if part and part not in parts:
            names = ", ".join(repr(name) for name in parts)
            self._fail("cap", nth, "part", f"{part!r}: expected the name of a part: {names}")
        reason = table.get(
            "reason", f"{criterion} doesn't earn {'all' if 'unless' in table else 'any'}"
        )
        return Cap(criterion, "unless" in table, at_most, str(part), shown(reason))

    def _follows(self, costs: set[str]) -> dict[str, list[str]]:
        """For rules that cost points, the rules or families from which their breach follows."""
        table = self._data.get("follows", {})
        if not isinstance(table, dict):
            self._fail(
                "", 0, "follows", 'expected a table: [follows] with lines such as G01 = ["K"]'
            )
        for rule, causes in table.items():
            if rule not in costs:
                self._fail("follows", 1, rule, "expected a rule that some part has in costs")
            good = isinstance(causes, list) and all(isinstance(one, str) for one in causes)
            wrong = (
                [one for one in causes if one not in CHECKS and one not in FAMILIES] if good else []
            )
            if not good or wrong:
                told = f"{wrong[0]!r}: " if wrong else ""
                self._fail(
                    "follows", 1, rule, f'{told}expected rules or families, such as ["K09", "I"]'
                )
        return table

    def _number(self, table: dict[str, Any], kind: str, nth: int, key: str) -> float:
        found = table.get(key)
        if not isinstance(found, int | float) or isinstance(found, bool) or found != found:  # noqa: PLR0124  # NaN
            told = "is missing" if found is None else f"{found!r}"
            self._fail(kind, nth, key, f"{told}: expected a number, such as {key} = 10")
        return float(found)

    def _share(self, table: dict[str, Any], kind: str, nth: int, key: str, default: float) -> float:
        if key not in table:
            return default
        found = self._number(table, kind, nth, key)
        if not 0 <= found <= 1:
            self._fail(kind, nth, key, f"{found:g}: expected a share from 0 to 1")
        return found

    def _known(self, table: dict[str, Any], keys: tuple[str, ...], kind: str, nth: int) -> None:
        for key in table:
            if key not in keys:
                where = f"[[{kind}]]" if kind else "the top of a rubric"
                self._fail(kind, nth, key, f"no such key in {where}: expected {', '.join(keys)}")

    def _fail(self, kind: str, nth: int, key: str, problem: str, value: object = None) -> NoReturn:
        line = self._line(kind, nth, key, value)
        raise InputError(f"{self._name}:{line}: {shown(key)}: {shown(problem)}")

    def _line(self, kind: str, nth: int, key: str, value: object) -> int:
        """Where a value stands: in the n-th table of its kind, at its key or below; else that table."""
        begin, end, count, inside = 1, len(self._lines), 0, not kind
        for number, line in enumerate(self._lines, 1):
            if not (head := re.match(r"\s*\[\[?\s*[\"']?(\w+)[\"']?\s*\]", line)):
                continue
            if inside:
                end = number - 1
                break
            if head[1] == kind:
                count += 1
                if count == nth:
                    begin, inside = number, True
        pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=|\s*\[\w+\.{re.escape(key)}\]")
        for number in range(begin, end + 1):
            if pattern.match(self._lines[number - 1]):
                return self._line_of_value(number, end, value)
        return begin

    def _line_of_value(self, begin: int, end: int, value: object) -> int:
        """The line from a key on that holds a value of its list, else the key's."""
        if value is not None:
            word = re.compile(rf"(?<![\w:]){re.escape(str(value))}(?![\w:])")
            for number in range(begin, end + 1):
                if word.search(self._lines[number - 1].partition("#")[0]):
                    return number
        return begin
