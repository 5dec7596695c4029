"""A peer of libtorrent in a process, for the benchmark: `python -m harness.bench.libtorrent_peer TORRENT FOLDER PORT ROLE`.

ROLE is `seed` or `leecher`. A seed doesn't check its file first, as no program in the benchmark does; both go on
until they are ended.
"""

from __future__ import annotations

import signal
import sys

import libtorrent


def main() -> None:
    """Take part until a signal comes."""
    torrent, folder, port, role = sys.argv[1:]
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # its threads inherit that
    session = libtorrent.session(
        {
            "listen_interfaces": f"127.0.0.1:{port}",
            "allow_multiple_connections_per_ip": True,
            "enable_dht": False,
            "enable_lsd": False,
            "enable_natpmp": False,
            "enable_upnp": False,
            "enable_incoming_utp": False,
            "enable_outgoing_utp": False,
        }
    )
    added = libtorrent.add_torrent_params()
    added.ti = libtorrent.torrent_info(torrent)
    added.save_path = folder
    added.flags &= ~libtorrent.torrent_flags.auto_managed
    added.flags &= ~libtorrent.torrent_flags.paused
    if role == "seed":
        added.flags |= libtorrent.torrent_flags.seed_mode
    session.add_torrent(added)
    signal.sigwait(signals)


if __name__ == "__main__":
    main()
