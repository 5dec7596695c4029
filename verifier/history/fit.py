"""Whether a configuration is the one that a run's logs were written under."""

from __future__ import annotations

from collections.abc import Sequence

from verifier.reading.columns import LogColumns
from verifier.reading.config import Config

SHARE = 10
"""More than one line of so many that names an unknown piece or peer is no slip."""
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
    if beyond + strange < FEWEST or (beyond + strange) * SHARE <= lines:
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
    return (
        f"is this the run's configuration? {'; '.join(reasons)}"
        f" ({beyond + strange:,} of {lines:,} lines)."
        f" {''.join(f'{text}. ' for text in advice)}Name the right one with --config DIR"
    )


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
