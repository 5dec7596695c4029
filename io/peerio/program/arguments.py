"""What can be said to a peer on its command line."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

from core.exits import ExitStatus

PROGRAM = "python peerProcess.py"
"""What people call it by, unless `swarmproof peer` was what they called."""
EXIT_STATUSES = f"""\
exit statuses:
  {ExitStatus.COMPLETE:<4} all peers in PeerInfo.cfg have the complete file
  {ExitStatus.UNUSABLE:<4} unusable configuration, file or port, or too few resources to start
  {ExitStatus.USAGE:<4} wrong use of the command line
  {ExitStatus.MISSING:<4} other peers are missing (see --wait)
  {ExitStatus.FAILED:<4} storage or log failed during the run
  {ExitStatus.INTERNAL_ERROR:<4} internal error, with a traceback
  {ExitStatus.INTERRUPTED:<4} interrupted (Ctrl-C once: in order, twice: at once)
  {ExitStatus.TERMINATED:<4} terminated

example:
  python peerProcess.py 1001 --workdir swarm --trace
"""
LEAST_RATE = 1.0
"""Bytes a second: a lower limit would never let a piece through."""


def parse_arguments(argv: list[str] | None = None, program: str = PROGRAM) -> argparse.Namespace:
    """Read the command line of `program`; exits with status 2 where it is wrong."""
    return parser(program).parse_args(argv)


def parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """What can be said on the command line; `program` is what it is called by."""
    made = argparse.ArgumentParser(
        prog=program,
        description="Run one peer: share the file of Common.cfg with the peers of PeerInfo.cfg "
        "until all of them have it.",
        epilog=EXIT_STATUSES.replace(PROGRAM, program),
        formatter_class=_formatter,
    )
    _add_options(made)
    _add_options_for_launchers(made)
    return made


def _formatter(prog: str) -> argparse.HelpFormatter:
    """As wide as the terminal; told so, argparse doesn't load `shutil` and all that compresses to ask."""
    try:
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size().columns)
    except (ValueError, OSError):
        columns = 0
    return argparse.RawDescriptionHelpFormatter(prog, width=(columns if columns > 0 else 80) - 2)


def _add_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("peer_id", type=_peer_id, metavar="ID", help="this peer's id")
    made.add_argument(
        "--workdir",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where Common.cfg, PeerInfo.cfg, the logs and peer_ID/ are (default: here)",
    )
    made.add_argument(
        "--trace",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="also write trace_peer_ID.jsonl (default: no)",
    )
    made.add_argument(
        "--random-seed", type=int, metavar="N", help="repeat the choices of an earlier run"
    )
    made.add_argument(
        "--wait",
        type=_seconds,
        metavar="TIME",
        help="how long to wait for peers that are missing, such as 90s or 5m; 0: not at all, inf: for "
        "ever (default: 60s for those that were here, 10m for the others)",
    )
    made.add_argument(
        "--rate",
        type=_rate,
        metavar="BYTES_PER_SECOND",
        help="upload limit of this peer, such as 200kB or 1MiB (default: none)",
    )
    made.add_argument(
        "--resume",
        action="store_true",
        help="keep what an earlier run left and is right by pieces.sha256 (see docs/hashes.md)",
    )


def _add_options_for_launchers(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--quiet",
        action="store_true",
        help="no progress on stderr (default: one line that is updated on a terminal, "
        "a line every 10 s elsewhere, nothing with --status-fd)",
    )
    made.add_argument("--run", metavar="NAME", help="a name for this run, kept in the trace")
    made.add_argument(
        "--lifeline-fd",
        type=_descriptor,
        metavar="N",
        help="for launchers: an inherited pipe; the peer ends when it is closed",
    )
    made.add_argument(
        "--status-fd",
        type=_descriptor,
        metavar="N",
        help="for launchers: an inherited pipe; the peer writes JSON lines on how it stands",
    )


def _peer_id(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or text.startswith("0"):
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected a peer's id as in PeerInfo.cfg, such as 1001"
        )
    return int(text)


def _seconds(text: str) -> float:
    if text == "inf":
        return math.inf
    from peerio.program.quantities import duration  # noqa: PLC0415 -- few say one

    try:
        return duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}; or inf") from None


def _rate(text: str) -> float:
    from peerio.program.quantities import rate  # noqa: PLC0415 -- few say one

    try:
        value = rate(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
    if value < LEAST_RATE:
        raise argparse.ArgumentTypeError(f"{text!r}: expected at least 1 byte a second")
    return value


def _descriptor(text: str) -> int:
    try:
        os.fstat(int(text))
    except (OSError, OverflowError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} isn't an open file descriptor") from error
    return int(text)
