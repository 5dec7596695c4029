"""The time formats that programs write, and the ambiguity of dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.reading.times import ORDERS, Stamp, guess_order, match_time, parse_time

NOON = datetime(2020, 2, 13, 12, 34, 56, tzinfo=UTC).timestamp()

FORMS = [
    ("2020-02-13 12:34:56", 0, 1.0, False, "year-month-day"),
    ("[2020-02-13 12:34:56]", 0, 1.0, False, "year-month-day"),
    ("2020/02/13 12:34:56", 0, 1.0, False, "year-month-day"),
    ("2020.02.13.12.34.56", 0, 1.0, False, "year-month-day"),
    ("2020-02-13_12:34:56", 0, 1.0, False, "year-month-day"),
    ("2020-02-13-12-34-56", 0, 1.0, False, "year-month-day"),
    ("2020-02-13T12:34:56Z", 0, 1.0, True, "year-month-day"),
    ("2020-02-13T12:34:56.250+01:00", -3599.75, 0.001, True, "year-month-day"),
    ("2020-02-13T12:34:56.250000-0530", 19800.25, 1e-6, True, "year-month-day"),
    ("2020-02-13T12:34:56.250000000+01:00[Europe/Berlin]", -3599.75, 1e-9, True, "year-month-day"),
    ("2020-02-13 12:34:56,250", 0.25, 0.001, False, "year-month-day"),
    ("2020-02-13 12:34", -56, 60.0, False, "year-month-day"),
    ("02/13/2020 12:34:56", 0, 1.0, False, "month-day-year"),
    ("2/13/2020, 12:34:56 PM", 0, 1.0, False, "month-day-year"),
    ("13/02/2020 12:34:56", 0, 1.0, False, "day-month-year"),
    ("13.02.2020 12:34:56", 0, 1.0, False, "day-month-year"),
    ("20/02/13 12:34:56", 0, 1.0, False, "year-month-day"),
    ("28/11/17 12:34:56", -69724800, 1.0, False, "day-month-year"),
    ("12:34:56 02/13/2020", 0, 1.0, False, "month-day-year"),
    ("20200213T123456Z", 0, 1.0, True, "compact"),
    ("20200213123456", 0, 1.0, False, "compact"),
    ("Thu Feb 13 12:34:56 2020", 0, 1.0, False, "ctime"),
    ("Thu Feb 13 12:34:56 EST 2020", 18000, 1.0, True, "ctime"),
    ("Thu Feb 13 12:34:56 GMT+01:00 2020", -3600, 1.0, True, "ctime"),
    ("Thu Feb 13 12:34:56 XYZ 2020", 0, 1.0, False, "ctime"),
    ("Feb 13, 2020, 12:34:56 PM", 0, 1.0, False, "month-name"),
    ("Feb 13, 2020 12:34:56\u202fPM", 0, 1.0, False, "month-name"),
    ("Feb 13,20 12:34:56", 0, 1.0, False, "month-name"),
    ("Thursday, February 13, 2020 at 12:34:56 PM UTC", 0, 1.0, True, "month-name"),
    ("13 Feb 2020 12:34:56", 0, 1.0, False, "day-month-name"),
    ("13/Feb/2020:12:34:56 +0000", 0, 1.0, True, "day-month-name"),
    ("Thu, 13 Feb 2020 12:34:56 GMT", 0, 1.0, True, "day-month-name"),
    ("1581597296", 0, 1.0, True, "epoch"),
    ("1581597296.25", 0.25, 0.01, True, "epoch"),
    ("1581597296250", 0.25, 0.001, True, "epoch"),
]


@pytest.mark.parametrize(("text", "later", "resolution", "zoned", "form"), FORMS)
def test_forms(text: str, later: float, resolution: float, zoned: bool, form: str) -> None:
    """Every format that programs use gives the same moment, its resolution and whether it is UTC
    (spec 8.1 leaves the format free).
    """
    stamp = parse_time(text)
    assert stamp is not None
    assert stamp.seconds == pytest.approx(NOON + later, abs=1e-6)
    assert stamp.resolution == pytest.approx(resolution)
    assert (stamp.zoned, stamp.form) == (zoned, form)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12:34:56", 45296), ("12:34:56.5", 45296.5), ("12:34:56 AM", 2096), ("0:00:01", 1)],
)
def test_time_without_a_date_counts_from_midnight(text: str, seconds: float) -> None:
    """A log without dates still has usable differences of times."""
    stamp = parse_time(text)
    assert stamp is not None
    assert (stamp.seconds, stamp.form) == (seconds, "time-only")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Peer 1001",
        "1001",
        "25:61:00",
        "2020-13-45 12:00:00",
        "30/02/2020 12:00:00",
        "2020-02-13 13:00:00 PM",
        "0000-00-00 00:00:00",
        "12:34:56 and more",
    ],
)
def test_no_time(text: str) -> None:
    """What is not a time, or none that exists, is not guessed at."""
    assert parse_time(text) is None


def test_a_form_without_such_a_time_still_has_an_end() -> None:
    """The sentence after an impossible time can be found."""
    assert match_time("2020-02-30 12:00:00: Peer") == (None, 19)


@pytest.mark.parametrize(
    ("text", "order", "same", "form"),
    [
        ("02/03/2020 00:00:00", None, "2020-02-03 00:00:00", "month-day-year"),
        ("02/03/2020 00:00:00", "day-month-year", "2020-03-02 00:00:00", "day-month-year"),
        ("02/13/2020 00:00:00", "day-month-year", "2020-02-13 00:00:00", "month-day-year"),
    ],
)
def test_order_decides_what_a_date_leaves_open(
    text: str, order: str | None, same: str, form: str
) -> None:
    """The same digits mean what the file's order says, and the default is fixed."""
    stamp, other = parse_time(text, order), parse_time(same)
    assert stamp is not None
    assert other is not None
    assert (stamp.seconds, stamp.form) == (other.seconds, form)


@pytest.mark.parametrize(
    ("times", "order"),
    [
        (["02/03/2020 10:00:00", "02/13/2020 10:00:00"], "month-day-year"),
        (["02/03/2020 10:00:00", "13/02/2020 10:00:00"], "day-month-year"),
        (["02/03/2020 23:59:59", "03/03/2020 00:00:01"], "day-month-year"),
        (["02/03/2020 23:59:59", "02/04/2020 00:00:01"], "month-day-year"),
        (["02/03/2020 10:00:00"], "month-day-year"),
        (["19/04/12 10:00:00", "2019/04/12 10:00:00"], "year-month-day"),
        (["28/11/17 10:00:00"], "day-month-year"),
        (["10:00:00", "Feb 3, 2020 10:00:00", "no time"], None),
        ([], None),
    ],
)
def test_guess_order(times: list[str], order: str | None) -> None:
    """One file's dates together decide the order of day and month."""
    assert guess_order(times) == order


@given(st.text(max_size=120), st.sampled_from([None, *ORDERS, "nonsense"]))
def test_never_raises(text: str, order: str | None) -> None:
    """Any text is either a time or none."""
    assert isinstance(parse_time(text, order), Stamp | None)
    assert match_time(text, 0, order)[1] <= len(text)


@given(
    st.integers(946684800, 2524608000),
    st.integers(0, 999_999),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
def test_iso_round_trip(second: int, microsecond: int, minutes: int, precision: str) -> None:
    """Our own format (spec 8.1) is read without loss."""
    zone = timezone(timedelta(minutes=minutes))
    moment = datetime.fromtimestamp(second, zone).replace(microsecond=microsecond)
    text = moment.isoformat(timespec=precision)
    stamp = parse_time(text)
    assert stamp is not None
    assert stamp.zoned
    assert stamp.seconds == pytest.approx(datetime.fromisoformat(text).timestamp(), abs=1e-6)
