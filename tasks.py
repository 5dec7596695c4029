"""The project's commands: `invoke --list` names them, `invoke NAME --help` explains one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from harness import bench as bench_
from harness import commands, numbers
from harness.errors import HarnessError
from harness.swarm import Options, run_swarm

if TYPE_CHECKING:
    from collections.abc import Callable


def _finish(work: Callable[[], int]) -> None:
    """End with the exit status of `work`; what it can't do is one message on stderr."""
    try:
        status = work()
    except HarnessError as error:
        raise Exit(str(error), code=error.status) from None
    except KeyboardInterrupt:
        raise Exit("interrupted", code=130) from None
    if status != 0:
        raise Exit(code=status)


@task(
    auto_shortflags=False,
    help={
        "config": "Folder under configs/ or any path with Common.cfg and PeerInfo.cfg (default: small).",
        "file": "Share this real file; it is linked, never changed (default: made-up content).",
        "peers": "Number of peers: the first of the configuration, or more leechers than it has.",
        "piece-size": "Bytes of a piece, such as 1048576 or 1MiB (default: the configuration's).",
        "rate": "Upload limit of each peer in bytes a second, 0 for none (default: swarm.toml's).",
        "timeout": "Seconds until the swarm is ended with status 5 (default: swarm.toml's or 300).",
        "random-seed": "Seed of the content and of all peers' random choices (default: a new one).",
        "plain": "Plain lines instead of the live table, as when this isn't a terminal.",
        "keep": "Keep the leechers' copies after the comparison.",
        "free-ports": "Pick free ports instead of the configuration's.",
    },
)
def swarm(
    _context: Context,
    config: str = "small",
    file: str = "",
    peers: str = "",
    piece_size: str = "",
    rate: str = "",
    timeout: str = "",
    random_seed: str = "",
    plain: bool = False,
    keep: bool = False,
    free_ports: bool = False,
) -> None:
    """Run a swarm on this machine: real peers hand a file from the seed to all leechers."""

    def work() -> int:
        return run_swarm(
            Options(
                config=config,
                file=Path(file).expanduser() if file else None,
                peers=numbers.parse_count("peers", peers, least=1),
                piece_size=numbers.parse_size("piece-size", piece_size, least=1),
                rate=numbers.parse_size("rate", rate),
                timeout=numbers.parse_seconds("timeout", timeout),
                random_seed=numbers.parse_count("random-seed", random_seed),
                plain=plain,
                keep=keep,
                free_ports=free_ports,
            )
        )

    _finish(work)
