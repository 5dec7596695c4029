"""Histories in the forms of other programs: the swarms are the same, what they write isn't."""

from __future__ import annotations

from tests.kit.histories import wordings
from tests.kit.histories.behaviour import duplicates
from tests.kit.histories.book import PASSES, history, said
from tests.kit.histories.making import LOGS, SIMULATED, mutant, simulated
from tests.kit.verifier.judging import Run

MADE = f"{SIMULATED}, seed {{}}; written in another form by tests/kit/histories/wordings.py."


def small(seed: int) -> Run:
    """A seed and two leechers."""
    return simulated(seed, leechers=2, pieces=6)


FORM = said("F02")
"""What a form that isn't the prescribed one costs in strict mode."""
MILD = said(warnings="F02")
"""The same leniently, or where nothing worse than line ends is unusual."""


@history(MADE.format(11), strict=FORM, lenient=MILD, dress=wordings.JAVA)
def java_dates_and_brackets() -> Run:
    """Java's dates with a zone and whole seconds, ids in brackets, CRLF."""
    return small(11)


@history(MADE.format(12), strict=FORM, lenient=MILD, dress=wordings.PYTHON)
def python_logging() -> Run:
    """Python's logging: a comma before the milliseconds, logger and level in front, no full stop."""
    return small(12)


@history(MADE.format(13), strict=FORM, lenient=MILD, dress=wordings.MISSPELLED)
def misspelled_words() -> Run:
    """Misspelled words: neighbours, unchocked, recieved."""
    return small(13)


@history(MADE.format(14), strict=FORM, lenient=MILD, dress=wordings.SHORT)
def short_sentences() -> Run:
    """Short sentences with little but ids and numbers, after a log level in brackets."""
    return small(14)


@history(MADE.format(15), strict=FORM, lenient=MILD, dress=wordings.AMERICAN)
def american_times() -> Run:
    """Dates with the month first, AM and PM; interest told from the other side."""
    return small(15)


@history(MADE.format(16), strict=FORM, lenient=MILD, dress=wordings.TWO_LINES)
def counts_on_their_own_lines() -> Run:
    """The number of pieces is on a line of its own, below its download."""
    return small(16)


@history(MADE.format(17), strict=FORM, lenient=MILD, dress=wordings.TIMELESS)
def no_times() -> Run:
    """Without times, rules about order still apply and rules about time don't."""
    return small(17)


@history(MADE.format(18), strict=FORM, lenient=MILD, dress=wordings.EPOCH)
def seconds_since_1970() -> Run:
    """Seconds since 1970, and underscores instead of blanks."""
    return small(18)


@history(MADE.format(19), strict=MILD, lenient=MILD, dress=wordings.CURLY)
def curly_quotes_in_windows_1252() -> Run:
    """Curly quotes in Windows-1252, as in the assignment's text; dates with the day first."""
    return small(19)


@history(MADE.format(20), strict=FORM, lenient=MILD, dress=wordings.POWERSHELL)
def utf_16() -> Run:
    """UTF-16 with a byte-order mark, times without a date."""
    return small(20)


@history(MADE.format(21), strict=FORM, lenient=MILD, dress=wordings.TALKATIVE)
def lines_of_its_own() -> Run:
    """Lines of the program's own between the eleven sentences."""
    return small(21)


@history(MADE.format(22), strict=PASSES, lenient=PASSES, dress=wordings.zipped)
def zipped_in_folders() -> Run:
    """Gzip'd logs, each in a folder of its own below the configuration."""
    return small(22)


@history(MADE.format(23), strict=PASSES, lenient=PASSES, dress=wordings.renamed)
def other_names() -> Run:
    """Logs called peer_1001.log, without the first word."""
    return small(23)


@history(MADE.format(24), strict=FORM, lenient=MILD, dress=wordings.crashed)
def nul_bytes() -> Run:
    """A block of NUL bytes in the middle of a log, as a power failure leaves it."""
    return small(24)


@history(
    MADE.format(3),
    strict=said("D01 D02 D03 D09 D10 F02"),
    lenient=said("D02", warnings="D01 D03 D09 F02"),
    dress=wordings.MISSPELLED,
)
def misspelled_duplicates() -> Run:
    """Duplicate downloads are found whatever the wording."""
    return duplicates()


@history(
    "A mutant of the program in virtual time (tests/verifier/matrix): one preferred too many, seed 1;"
    " written in another form by tests/kit/histories/wordings.py.",
    strict=said("F02 K01"),
    lenient=said("K01", warnings="F02"),
    dress=wordings.JAVA,
)
def one_too_many_in_brackets() -> Run:
    """Three preferred neighbors where k is 2, with whole seconds and ids in brackets."""
    return mutant("one preferred too many", LOGS, 1)
