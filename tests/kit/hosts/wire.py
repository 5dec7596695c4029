"""Cables with delay and loss: frames carried between TAP devices of hosts and of the switch.

Stands in for `netem`, which not every kernel has. Run as
`python -m tests.kit.hosts.wire DELAY LOSS SWITCH_PID PORT=PID...`: for each host a device `eth0` in the
network namespace of that process and one named PORT in that of SWITCH_PID. DELAY is in seconds, LOSS a
share of frames, both for one way through one cable. Says "ready"; ends when its stdin does.
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import deque
from contextlib import suppress

from tests.kit.hosts.namespaces import inside

TUNSETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ = 0x400454CA, 0x400454D0, 0x400454D8
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x2, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 = 1, 2, 4
VIRTIO_HEADER = 10
LONGEST_FRAME = 70_000
FRAMES_A_TURN = 64
LONGEST_QUEUE = 8000
"""Frames under way in all cables; more are lost, as in a switch whose memory is full."""


def make_tap(pid: int, name: str, *, whole_segments: bool) -> int:
    """Make a TAP device in the network namespace of a process; its descriptor.

    With `whole_segments` what TCP sends crosses in units of up to 64 KiB, which is cheap; without, in
    frames as they are on a real wire, so that a lost one is one.
    """
    with inside(f"/proc/{pid}/ns/net"):
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
        fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        fcntl.ioctl(descriptor, TUNSETVNETHDRSZ, struct.pack("i", VIRTIO_HEADER))
        offload = TUN_F_CSUM | (TUN_F_TSO4 | TUN_F_TSO6 if whole_segments else 0)
        fcntl.ioctl(descriptor, TUNSETOFFLOAD, offload)
    return descriptor


class Wires:
    """Carries frames between pairs of devices until `lifeline` ends."""

    def __init__(self, delay: float, loss: float, lifeline: int) -> None:
        self._delay = delay
        self._loss = loss
        self._lifeline = lifeline
        self._other_end: dict[int, int] = {}
        self._poll = select.poll()
        self._poll.register(lifeline, select.POLLIN)
        # Due time, destination, frame; the delay is the same for all, so it stays sorted.
        self._under_way: deque[tuple[float, int, bytes]] = deque()

    def join(self, one: int, other: int) -> None:
        """Lay a cable between two devices."""
        self._other_end |= {one: other, other: one}
        for descriptor in (one, other):
            self._poll.register(descriptor, select.POLLIN)

    def carry(self) -> None:
        """Carry frames until the lifeline ends."""
        while True:
            ready = self._poll.poll(self._patience())
            now = time.monotonic()
            for descriptor, _ in ready:
                if descriptor == self._lifeline:
                    return
                self._take_in(descriptor, now + self._delay)
            self._deliver(time.monotonic())

    def _patience(self) -> float | None:
        """Milliseconds until the next frame is due."""
        if not self._under_way:
            return None
        return max(0.0, self._under_way[0][0] - time.monotonic()) * 1000

    def _take_in(self, descriptor: int, due: float) -> None:
        for _ in range(FRAMES_A_TURN):
            try:
                frame = os.read(descriptor, LONGEST_FRAME)
            except OSError:  # nothing more there, or the device is down
                return
            if len(self._under_way) < LONGEST_QUEUE and random.random() >= self._loss:
                self._under_way.append((due, self._other_end[descriptor], frame))

    def _deliver(self, now: float) -> None:
        while self._under_way and self._under_way[0][0] <= now:
            _, descriptor, frame = self._under_way.popleft()
            with suppress(OSError):  # full or down: a lost frame, as on a real wire
                os.write(descriptor, frame)


def main() -> None:
    """Make the devices, say so, and carry frames between them."""
    delay, loss, switch, *ports = sys.argv[1:]
    wires = Wires(float(delay), float(loss), sys.stdin.fileno())
    for port in ports:
        name, _, host = port.partition("=")
        one, other = (
            make_tap(pid, device, whole_segments=float(loss) == 0)
            for pid, device in ((int(host), "eth0"), (int(switch), name))
        )
        wires.join(one, other)
    print("ready", flush=True)
    wires.carry()


if __name__ == "__main__":
    main()
