"""CN and HS: who dials whom, and how a connection opens."""

from __future__ import annotations

import dataclasses
import socket
import threading

from tests.kit.probe.variants.kit import around, greeting, know_who_dials, read_on, replace, variant
from tests.reference import peer, wire
from tests.reference.link import start
from tests.reference.peer import Peer
from tests.reference.wire import HANDSHAKE_BYTES, HEADER, ProtocolError


@variant("CN-01")
def never_dials():
    """Everybody waits to be dialled."""
    replace(Peer, "dial", lambda self, target: None)


@variant("CN-02", Peer, "run")
def dials_all(right, self, timeout):
    """The whole list is dialled."""
    peers = self.settings.peers
    for target in peers[peers.index(self.me) + 1 :]:
        start(self.dial, target)
    return right(self, timeout)


@variant("CN-04", Peer, "accept")
def awaits_bitfield_in_the_accept_loop(right, self, listener):
    """Handshake and first message are read in the loop that accepts."""
    _accept_in_turn(self, listener, first_message=True)


@variant("RB-06", Peer, "accept")
def greets_in_the_accept_loop(right, self, listener):
    """The handshake is read in the loop that accepts."""
    _accept_in_turn(self, listener, first_message=False)


def _accept_in_turn(self, listener, *, first_message):
    while True:
        try:
            sock, address = listener.accept()
        except OSError:
            return
        try:
            link = self.greet(sock, address[0], 0)
            if first_message:
                kind, payload = wire.read_frame(link.receive, self.settings)
                with self.lock:
                    self.handle(link, kind, payload)
        except (ProtocolError, EOFError, OSError):
            sock.close()
            continue
        start(read_on, self, link)


@variant("CN-05", peer, "read_settings")
def smaller_ids_are_dialled(right, workdir):
    """Ids decide who dials, not the order of the lines."""
    found = right(workdir)
    peers = sorted(found.peers, key=lambda one: one.peer_id)
    return dataclasses.replace(found, peers=tuple(peers))


@variant("CN-06", Peer, "dial")
def seeds_only_listen(right, self, target):
    """Who has the file dials nobody."""
    if not self.me.has_file:
        right(self, target)


@variant("CN-07", Peer, "dial")
def one_attempt(right, self, target):
    """A predecessor that isn't up is never dialled again."""
    try:
        sock = socket.create_connection((target.host, target.port), timeout=5)
    except OSError:
        return
    self.converse(sock, sock.getpeername(), target.peer_id)


@variant("HS-01")
def java_objects():
    """Java objects are written onto the socket."""
    replace(wire, "handshake", lambda peer_id: b"\xac\xed\0\5sr\0\x10HandshakeMessage" + bytes(20))


@variant("HS-01")
def zeros_as_digits():
    """The ten zero bytes are the digit 0."""
    replace(wire, "handshake", lambda peer_id: HEADER + b"0" * 10 + peer_id.to_bytes(4, "big"))


@variant("HS-01")
def id_as_digits():
    """The id is written as text."""
    replace(wire, "handshake", lambda peer_id: HEADER + bytes(10) + b"%04d" % peer_id)


@variant("HS-01")
def id_lowest_byte_first():
    """The id has its lowest byte first."""
    replace(wire, "handshake", lambda peer_id: HEADER + bytes(10) + peer_id.to_bytes(4, "little"))


@variant("HS-01")
def old_header():
    """The header is that of an older course."""
    replace(wire, "handshake", lambda peer_id: b"CEN5501C2008SPRING" + bytes(10) + peer_id.to_bytes(4, "big"))  # fmt: skip


@variant("HS-02", Peer, "greet")
def dialler_waits(right, self, sock, host, dialled):
    """Who dials waits for the other's handshake."""
    if dialled:
        sock.recv(HANDSHAKE_BYTES, socket.MSG_PEEK | socket.MSG_WAITALL)
    return right(self, sock, host, dialled)


@variant("HS-03", Peer, "greet")
def handshake_in_one_read(right, self, sock, host, dialled):
    """One read is taken for the whole handshake."""
    if not dialled and len(sock.recv(HANDSHAKE_BYTES, socket.MSG_PEEK)) < HANDSHAKE_BYTES:
        raise ProtocolError("too short")
    return right(self, sock, host, dialled)


def _any_header(*, dialled):
    know_who_dials()

    @around(wire, "handshake_id")
    def handshake_id(right, data):
        if bool(greeting.dialled) is dialled:
            data = HEADER + data[18:]
        return right(data)


@variant("HS-04")
def any_header_of_diallers():
    """The header of those who dial isn't compared."""
    _any_header(dialled=False)


@variant("HS-08")
def any_header_in_answers():
    """The header of those who are dialled isn't compared."""
    _any_header(dialled=True)


@variant("HS-05")
def any_id_is_accepted():
    """An id that isn't listed is taken for that of the next peer in the list."""
    know_who_dials()
    listed: list[int] = []

    @around(peer, "read_settings")
    def read_settings(right, workdir):
        found = right(workdir)
        listed.extend(found.ids())
        return found

    @around(wire, "handshake_id")
    def handshake_id(right, data):
        found = right(data)
        return found if greeting.dialled or found in listed else listed[1]


@variant("HS-06")
def id_of_the_answer_not_compared():
    """Whoever answers is taken for the one that was dialled."""
    know_who_dials()

    @around(wire, "handshake_id")
    def handshake_id(right, data):
        said = right(data)
        return greeting.dialled or said


@variant("HS-07")
def leecher_gives_no_handshake():
    """A leecher that is dialled sends no handshake."""
    know_who_dials()
    leecher = threading.Event()

    @around(Peer, "run")
    def run(right, self, timeout):
        if not self.me.has_file:
            leecher.set()
        return right(self, timeout)

    @around(peer, "send")
    def send(right, sock, data):
        if greeting.dialled or not leecher.is_set():
            right(sock, data)


@variant("HS-09", wire, "handshake")
def line_end_behind_the_handshake(right, peer_id):
    """The handshake is written by println."""
    return right(peer_id) + b"\n"
