"""Whether a configuration is the one that a run's logs were written under."""

from __future__ import annotations

from collections.abc import Sequence

from verifier.reading.columns import LogColumns
from verifier.reading.config import Config
from verifier.reading.sentences import Kind

SHARE = 10
"""More than one line of so many that names what the configuration doesn't know is no slip."""
FEWEST = 5
"""Lines that must do so, as in a short log a single slip is a large share."""
NAMED = 5
"""Unknown peers that are named."""


def misfit(config: Config, logs: Sequence[LogColumns]) -> str | None:
    """What speaks against a configuration, with values that would fit; None where little does."""
    forms = [columns.form for columns in logs]
    lines = sum(form.sentences for form in forms)
    beyond = sum(form.out_of_range.count for form in forms)
    strange = sum(form.stranger.count for form in forms)
    begun = {log.owner: count for log in logs if (count := _seeds_downloads(config, log))}
    unfit = beyond + strange + sum(begun.values())
    if unfit < FEWEST or unfit * SHARE <= lines:
        return None
    highest = max(form.highest_piece for form in forms)
    reasons, advice = [], []
    if beyond:
        reasons.append(
            f"the logs name pieces up to {highest:,}, FileSize and PieceSize make {config.pieces:,}"
        )
        advice = _sizes(config, highest + 1)
    if strange:
        ids = sorted({text for form in forms for _, text in form.stranger.first}, key=int)
        more = ", ..." if len(ids) > NAMED else ""
        reasons.append(
            f"the logs name peers that PeerInfo.cfg doesn't list: {', '.join(ids[:NAMED])}{more}"
        )
    if begun:
        seeds = ", ".join(str(config.peers[owner].peer_id) for owner in sorted(begun))
        reasons.append(
            f"PeerInfo.cfg gives the file to peers that download it from the start: {seeds}"
        )
        advice.append(f"With a 0 at the end of the line of each of {seeds} it fits")
    return (
        f"is this the run's configuration? {'; '.join(reasons)}"
        f" ({unfit:,} of {lines:,} lines)."
        f" {''.join(f'{text}. ' for text in advice)}Name the right one with --config DIR"
    )


def _seeds_downloads(config: Config, log: LogColumns) -> int:
    """How many downloads a log has whose peer starts with the file, if it counts them from the first on."""
    events = log.events
    rows = zip(events.kinds, events.counts, strict=True)
    counts = [count for kind, count in rows if kind == Kind.DOWNLOADED]
    return len(counts) if counts[:1] == [1] and config.peers[log.owner].has_file else 0


def _sizes(config: Config, pieces: int) -> list[str]:
    """The sizes that make so many pieces, each with the other one left as it is."""
    size, piece = config.file_size, config.piece_size
    found = [
        f"With PieceSize {piece} a FileSize from {(pieces - 1) * piece + 1} to {pieces * piece} fits"
    ]
    least, most = -(-size // pieces), (size - 1) // (pieces - 1)
    if least <= most:
        span = f"{least}" if least == most else f"from {least} to {most}"
        found.append(f"With FileSize {size} a PieceSize of {span} fits")
    return found
