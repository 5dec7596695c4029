"""Histories in the forms of other programs: the swarms are the same, what they write isn't."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.kit.histories import wordings
from tests.kit.histories.behaviour import duplicates
from tests.kit.histories.book import PASSES, Expected, Files, history, said
from tests.kit.histories.making import LOGS, SIMULATED, mutant, simulated
from tests.kit.verifier.judging import Run

MADE = f"{SIMULATED}, seed {{}}; written in another form by tests/kit/histories/wordings.py."


FORM = said("F02")
"""What a form that isn't the prescribed one costs in strict mode."""
MILD = said(warnings="F02")
"""The same leniently, or where nothing worse than line ends is unusual."""


def written(
    seed: int, dress: Callable[[Run], Files], strict: Expected = FORM
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Enter a seed with two leechers in another form; the decorated function has its name and sentence."""
    return history(
        MADE.format(seed),
        make=partial(simulated, seed, leechers=2, pieces=6),
        strict=strict,
        lenient=MILD if strict is FORM else strict,
        dress=dress,
    )


@written(11, wordings.JAVA)
def java_dates_and_brackets() -> None:
    """Java's dates with a zone and whole seconds, ids in brackets, CRLF."""


@written(12, wordings.PYTHON)
def python_logging() -> None:
    """Python's logging: a comma before the milliseconds, logger and level in front, no full stop."""


@written(13, wordings.MISSPELLED)
def misspelled_words() -> None:
    """Misspelled words: neighbours, unchocked, recieved."""


@written(14, wordings.SHORT)
def short_sentences() -> None:
    """Short sentences with little but ids and numbers, after a log level in brackets."""


@written(15, wordings.AMERICAN)
def american_times() -> None:
    """Dates with the month first, AM and PM; interest told from the other side."""


@written(16, wordings.TWO_LINES)
def counts_on_their_own_lines() -> None:
    """The number of pieces is on a line of its own, below its download."""


@written(17, wordings.TIMELESS)
def no_times() -> None:
    """Without times, rules about order still apply and rules about time don't."""


@written(18, wordings.EPOCH)
def seconds_since_1970() -> None:
    """Seconds since 1970, and underscores instead of blanks."""


@written(19, wordings.CURLY, MILD)
def curly_quotes_in_windows_1252() -> None:
    """Curly quotes in Windows-1252, as in the assignment's text; dates with the day first."""


@written(20, wordings.POWERSHELL)
def utf_16() -> None:
    """UTF-16 with a byte-order mark, times without a date."""


@written(21, wordings.TALKATIVE)
def lines_of_its_own() -> None:
    """Lines of the program's own between the eleven sentences."""


@written(22, wordings.zipped, PASSES)
def zipped_in_folders() -> None:
    """Gzip'd logs, each in a folder of its own below the configuration."""


@written(23, wordings.renamed, PASSES)
def other_names() -> None:
    """Logs called peer_1001.log, without the first word."""


@written(24, wordings.crashed)
def nul_bytes() -> None:
    """A block of NUL bytes in the middle of a log, as a power failure leaves it."""


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
