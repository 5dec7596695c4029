"""Peers of the tests' simulator that break one rule, for what no mutant of the program shows in a small run."""

from __future__ import annotations

from tests.kit.verifier.simulator import End, Peer, Swarm


class WrongSwarm(Swarm):
    """A swarm in which some peers are of another class."""

    def __init__(self, wrong: dict[int, type[Peer]], *settings: object) -> None:
        super().__init__(*settings)  # type: ignore[arg-type]  # the same ones
        self.wrong = wrong

    def make(self, ident: int, *, seed: bool) -> Peer:
        """A peer of its class."""
        return self.wrong.get(ident, Peer)(self, ident, seed=seed)


class ServesTheChoked(Peer):
    """Answers requests of neighbors that it has choked."""

    def on_request(self, end: End, piece: int) -> None:
        """A request: no choke is looked at."""
        if piece in self.pieces and piece not in end.waiting:
            end.waiting.append(piece)
            self.serve(end)


class IgnoresChokes(ServesTheChoked):
    """Goes on asking a neighbor that choked it."""

    def on_choke(self, end: End) -> None:
        """A choke: it is logged, and that is all."""
        self.say(f"is choked by {end.other}.")


class KeepsDuplicates(Peer):
    """Asks all neighbors for the same pieces, and counts each that comes."""

    extra = 0

    def request_next(self, end: End) -> None:
        """Ask for any piece that is lacking, whoever else was asked for it."""
        wanted = sorted(end.has - self.pieces)
        if not (end.choked_us or end.request is not None or self.ending) and wanted:
            end.request = self.rng.choice(wanted)
            end.asked.add(end.request)
            end.send("request", end.request)

    def on_piece(self, end: End, piece: int) -> None:
        """A piece: one that was there already counts, too."""
        if piece in end.asked and piece in self.pieces:
            end.asked.discard(piece)
            self.extra += 1
            count = len(self.pieces) + self.extra
            self.say(
                f"has downloaded the piece {piece} from {end.other}."
                f" Now the number of pieces it has is {count}."
            )
        super().on_piece(end, piece)


class HidesItsPieces(Peer):
    """Begins each connection with an empty bitfield."""

    def connect(self, end: End, *, made: bool) -> None:
        """A connection: as if nothing were here."""
        there, self.pieces = self.pieces, set()
        super().connect(end, made=made)
        self.pieces = there
