"""ST and CF: the program starts, and understands the configuration (spec 1, 9.1)."""

from __future__ import annotations

from probe.model import Case
from probe.registry import cases

cases(
    Case(
        "ST-01", "F", "1.1", "It starts under any configuration and listens on its port within 15 s.",
        "Ids, ports or paths are written into the program, or files are looked for elsewhere. Read both files from the working directory, and everything else from them.",
    ),
    Case(
        "ST-02", "F", "2.1", "It accepts connections as long as listed successors are missing.",
        "The thread that accepts has ended, or accepts a fixed number of times. Count the successors in PeerInfo.cfg.",
    ),
    Case(
        "ST-03", "W", "9.1", "A seed finds its file in peer_[id]/ below the working directory.",
        "The path is put together as [id]/, or as the file's name alone. The assignment says peer_[id]/.",
    ),
    Case(
        "ST-04", "W", "2.4", "It prints no stack trace during an ordinary conversation.",
        "An exception is not caught where it happens. Its first line says which; the program may have lost a thread by it.",
    ),
    Case(
        "CF-01", "W", "1.5", "It understands Windows line ends, keys in another order, and blank lines.",
        "Lines are read in a fixed order, or split without a look at their length. Read key and value of each line that has both, and trim.",
        needs=("BF-01",),
    ),
    Case(
        "CF-02", "W", "1.5", "It understands files without a line end after the last line.",
        "The last line is dropped at the end of the file.",
        needs=("BF-01",),
    ),
    Case(
        "CF-03", "W", "1.5", "It understands repeated blanks, and lines that begin with #.",
        "The line is split at each single blank. Split at any white space.",
        needs=("BF-01",),
    ),
    Case(
        "CF-04", "F", "1.4", "It works with a file of one piece.",
        "The last piece is taken for one of full size, or a loop starts at the second piece.",
        needs=("BF-01", "CH-01", "SV-02", "SV-04"),
    ),
    Case(
        "CF-05", "F", "1.4", "Where FileSize is a multiple of PieceSize there are FileSize / PieceSize pieces, not one more.",
        "The count is computed as size / piece + 1. It is (size + piece - 1) / piece, in whole numbers.",
        needs=("BF-01", "CH-01", "SV-02"),
    ),
    Case(
        "CF-06", "F", "1.2", "NumberOfPreferredNeighbors may be larger than the number of neighbors.",
        "The first k of a shorter list are taken (subList(0, k)). Take min(k, size).",
        needs=("BF-01", "CH-01", "SV-02"),
    ),
    Case(
        "CF-07", "F", "1.2", "OptimisticUnchokingInterval may be smaller than UnchokingInterval.",
        "The optimistic choice is only looked at when the preferred neighbors are chosen.",
        needs=("BF-01", "CH-01", "SV-02"),
    ),
    Case(
        "CF-08", "F", "1.3, 2.2", "Ids of one digit and above 65535 are right in the handshake.",
        "The id is written as four ASCII digits, or as a short. It is a 4-byte integer, most significant byte first.",
        needs=("HS-07", "CN-01", "IN-01"),
    ),
    Case(
        "CF-09", "F", "1.3", "More than one peer may have the file at the start.",
        "The configuration is refused, or the second seed is treated as a leecher.",
        needs=("BF-01",),
    ),
)  # fmt: skip
