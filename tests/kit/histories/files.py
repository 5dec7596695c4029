"""Histories of files that aren't whole, aren't there, hold several runs, or belong to another run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tests.kit.histories.book import history, said
from tests.kit.histories.making import LOGS, SIMULATED, mutant, product, simulated
from tests.kit.verifier.judging import Run


def appended(*runs: Run) -> Run:
    """The logs of several runs in one file each, a day between them."""
    files = {name: list(lines) for name, lines in runs[0].files.items()}
    for number, run in enumerate(runs[1:], 1):
        for name, lines in run.files.items():
            if name.startswith("log_"):
                files[name] += [later(line, number) for line in lines]
    return Run(files)


def later(line: str, days: int) -> str:
    """A line so many days later."""
    stamp, _, rest = line.partition(": ")
    moment = datetime.fromisoformat(stamp) + timedelta(days=days)
    return f"{moment.isoformat(timespec='microseconds')}: {rest}"


@history(
    f"{SIMULATED}, seed 31; the last third of 1003's log is cut off in the middle of a line.",
    strict=said("F02", warnings="F09", undecided="I04 K09 K10 D10 H01 H02 T01 T02 T05"),
    lenient=said(warnings="F02 F09", undecided="D10 H01 H02 T01"),
)
def cut_log() -> Run:
    """A log lost its end, so nobody is blamed for what it doesn't show."""
    run = simulated(31)
    lines = run.log(1003)
    del lines[len(lines) * 2 // 3 :]
    lines[-1] = lines[-1][:-9]
    return run


@history(
    f"{SIMULATED}, seed 32; the log of 1003 is removed.",
    strict=said("F01", undecided="D05 D10 T01"),
)
def missing_log() -> Run:
    """One log is missing, and nobody is blamed for what it would show."""
    run = simulated(32, leechers=2)
    del run.files["log_peer_1003.log"]
    return run


@history(
    f"{SIMULATED}, seed 33; the log of 1003 is emptied.",
    strict=said("F01", undecided="C02 D05 D10 T01 T02"),
    lenient=said("F01", undecided="D05 D10 T01"),
)
def empty_log() -> Run:
    """An empty log is reported, and nobody is blamed for what it would show."""
    run = simulated(33, leechers=2)
    run.log(1003).clear()
    return run


@history(
    f"{SIMULATED}, seed 34; one line of 1002's log is left out.",
    strict=said("H01 H04 I04 T02"),
    lenient=said("H01", warnings="H04 I04 T02"),
)
def one_have_is_missing() -> Run:
    """One line is missing from a log: a have that the neighbor must send."""
    run = simulated(34)
    del run.log(1002)[run.find(1002, "'have' message from 1003", 3)]
    return run


@history(
    f"{SIMULATED}, seeds 35 and 36, appended to each other.",
    strict=(said("F08"), said("F08")),
    lenient=(said(warnings="F08"), said(warnings="F08")),
)
def two_runs_in_each_file() -> Run:
    """Two runs in the same files are told apart and judged one by one."""
    return appended(simulated(35, leechers=2), simulated(36, leechers=2))


@history(
    "The program in virtual time (io/peerio/simulation), seeds 1 and 3, and between them the mutant `one"
    " preferred too many` (tests/verifier/matrix), seed 2, appended to each other.",
    strict=(said("F08"), said("F08 K01"), said("F08")),
    lenient=(said(warnings="F08"), said("K01", warnings="F08"), said(warnings="F08")),
)
def three_runs_and_one_is_bad() -> Run:
    """Of three runs in the same files, only the second breaks a rule of the protocol."""
    small = replace(LOGS, peers=3, k=1)
    bad = mutant("one preferred too many", small, 2)
    return appended(product(small, 1), bad, product(small, 3))


@history(
    f"{SIMULATED}, seed 39; FileSize is less than half of what it was.",
    refused="is this the run's configuration?",
)
def sizes_of_another_run() -> Run:
    """The configuration has fewer pieces than the logs; one message says so and names sizes that fit."""
    run = simulated(39, leechers=2)
    common = run.files["Common.cfg"]
    common[:] = ["FileSize 2000\n" if line.startswith("FileSize") else line for line in common]
    return run


@history(
    f"{SIMULATED}, seed 40; PeerInfo.cfg lists other peers than 1003 and 1004, whose logs are removed.",
    refused="doesn't list: 1003, 1004",
)
def peers_of_another_run() -> Run:
    """The logs name peers that the configuration doesn't list; one message names them."""
    run = simulated(40)
    peers = run.files["PeerInfo.cfg"]
    peers[:] = [line.replace("1003 ", "2003 ").replace("1004 ", "2004 ") for line in peers]
    del run.files["log_peer_1003.log"], run.files["log_peer_1004.log"]
    return run
