"""LG: what is wrong with the log."""

from __future__ import annotations

from tests.kit.probe.variants.kit import around, replace, variant
from tests.reference import peer
from tests.reference.files import Log
from tests.reference.peer import Peer
from tests.reference.wire import Type


def _lines(change):
    """Write what this makes of a sentence, or nothing."""

    @around(Log, "write")
    def write(right, self, words):
        for line in change(words):
            right(self, line)


@variant("LG-01")
def no_log():
    """There is no log."""

    def log(workdir, peer_id):
        made = Log(workdir, peer_id)
        (workdir / f"log_peer_{peer_id}.log").unlink()
        return made

    replace(peer, "Log", log)


@variant("LG-01", Log, "__init__")
def log_in_a_folder(right, self, workdir, peer_id):
    """The log is in a folder of its own."""
    (workdir / "logs").mkdir(exist_ok=True)
    right(self, workdir / "logs", peer_id)


@variant("LG-02")
def dials_are_not_logged():
    """There is no line for connections that it makes."""
    _lines(lambda words: [] if words.startswith("makes") else [words])


@variant("LG-02")
def chokes_are_not_logged():
    """There is no line for chokes."""
    _lines(lambda words: [] if words.startswith("is choked") else [words])


@variant("LG-03")
def no_full_stop():
    """Sentences have no full stop."""
    _lines(lambda words: [words.rstrip(".")])


@variant("LG-04")
def debug_lines():
    """Other lines stand in the log."""
    _lines(lambda words: [words, "waits for the next message"] if "connect" in words else [words])


@variant("LG-05")
def preferred_are_not_logged():
    """There is no line for preferred neighbors."""
    _lines(lambda words: [] if "preferred" in words else [words])


@variant("LG-05")
def preferred_in_own_words():
    """The line for preferred neighbors has words that nobody knows."""
    _lines(
        lambda words: [f"ranking: {words.rpartition(' ')[2]}" if "preferred" in words else words]
    )


@variant("LG-06")
def counted_before():
    """The number of pieces is taken before the piece is added."""

    def change(words):
        head, _, number = words.partition("has is ")
        return [f"{head}has is {int(number[:-1]) - 1}."] if number else [words]

    _lines(change)


@variant("LG-07", Peer, "send")
def own_words_are_logged(right, self, link, kind, payload=b""):
    """What it says is logged as if it had been said to it."""
    if kind in {Type.INTERESTED, Type.NOT_INTERESTED}:
        self.log.write(f"received the 'not interested' message from {link.peer_id}.")
    right(self, link, kind, payload)
