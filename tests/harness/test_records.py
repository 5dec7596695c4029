"""What others wrote as JSON is of the type that it is to have, or one error that says where not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import records
from harness.records import LONGEST_TEXT, RecordError

Own = Annotated[int, "own"]


@dataclass(frozen=True)
class Inner:
    number: int
    text: str | None = None


@dataclass(frozen=True)
class Outer:
    share: float
    flag: bool
    table: dict[Own, Inner]
    pairs: list[tuple[str, int]]
    byte: Annotated[int, range(256).__contains__] | None
    anything: Any = None


WHOLE = {
    "share": 1,
    "flag": True,
    "table": {"7": {"number": 3}},
    "pairs": [["a", 1]],
    "byte": None,
}


def test_a_record_is_read() -> None:
    """Every kind of field comes as its type: whole numbers as shares, ids as keys, what is missing by default."""
    assert records.read(Outer, WHOLE, own={7}) == Outer(1.0, True, {7: Inner(3)}, [("a", 1)], None)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"share": "1"}, 'Outer.share: expected float, found "1"'),
        ({"share": True}, "Outer.share: expected float, found true"),
        ({"share": -1.0}, "can't be"),
        ({"share": 1 << 70}, "expected float"),
        ({"flag": 1}, "expected bool"),
        ({"byte": 256}, "256 can't be"),
        ({"byte": -1}, "-1 can't be"),
        ({"byte": True}, "expected int, found true"),
        ({"table": {"8": {"number": 3}}}, "8 can't be"),
        ({"table": {"\u0667": {"number": 3}}}, "is no number"),
        ({"table": {" 7": {"number": 3}}}, "is no number"),
        ({"table": {"7": {}}}, 'Outer.table["7"]: number is missing'),
        ({"table": {"7": {"number": 1 << 63}}}, "can't be"),
        ({"table": {"7": {"number": 3, "text": "\ud800"}}}, "isn't Unicode"),
        ({"table": []}, "expected dict, found []"),
        ({"pairs": [["a", 1, 2]]}, "Outer.pairs[0]: expected 2 values"),
        ({"pairs": {"a": 1}}, "expected list"),
        ({"more": "\x1b[2J"}, '"more" isn\'t expected'),
    ],
)
def test_what_is_not_as_it_should_be(change: dict[str, Any], told: str) -> None:
    """A value of another type or out of its range, a missing and an unknown key: each is named with its place."""
    with pytest.raises(RecordError) as caught:
        records.read(Outer, WHOLE | change, own={7})
    assert told in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "line", [b"", b"{", b"\xff", b"NaN", b"[-Infinity]", b"[" * 100_000, b"1" * 5000]
)
def test_what_is_no_json(line: bytes) -> None:
    """Whatever isn't JSON, or too deep or too long for it, is the same error."""
    with pytest.raises(RecordError):
        records.parse(line)


@given(st.text(st.characters()))
def test_what_people_read_is_printable(text: str) -> None:
    """Text for people has nothing in it that a terminal acts on, and an end."""
    shown = records.printable(text)
    assert shown.isprintable()
    assert len(shown) <= LONGEST_TEXT + 1
    assert shown == text or not text.isprintable() or len(text) > LONGEST_TEXT


def test_control_bytes_are_escaped() -> None:
    """What a terminal would act on is shown as the escape that Python writes for it."""
    assert records.printable("\x1b]0;x\x07 \u202e\x9b") == "\\x1b]0;x\\x07 \\u202e\\x9b"
    assert len(records.printable("x" * 100_000)) == LONGEST_TEXT + 1
