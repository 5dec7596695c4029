"""`--swarm`: the program and another peer in swarms of five, judged by the verifier from all logs."""

from __future__ import annotations

import dataclasses
import shlex
import shutil
import sys
import threading
import time
from pathlib import Path

from probe.conversation.stage import Cancelled, how_ended
from probe.logs import judge_swarm
from probe.model import FAILED, Plan
from probe.program import ports
from probe.program.folders import Folder, content
from probe.program.program import Order, Program
from probe.settings import Settings, SettingsError

SECONDS = 60.0
IDS = (1001, 1002, 1003, 1004, 1005)
_OURS = Path(__file__).resolve().parents[1] / "peerProcess.py"


def partner_of(settings: Settings) -> Settings:
    """How the other peer is started."""
    if settings.partner:
        command = settings.partner
    elif _OURS.exists():
        command = f"{shlex.join([sys.executable, str(_OURS)])} {{id}}"
    else:
        raise SettingsError(
            "--swarm: there is no peerProcess.py beside the probe; name another peer with --partner"
        )
    return Settings(command=command, copy="none", host=settings.host, data="peer_{id}")


def hold(settings: Settings, out: Path, flag: threading.Event) -> list[str]:
    """Both swarms; a line each, and what the verifier found."""
    partner = partner_of(settings)
    lines = []
    for name, mine in (
        ("your program is the seed", {1001, 1003, 1005}),
        ("the other is the seed", {1002, 1004}),
    ):
        folder = out / name.replace(" ", "-")
        if not settings.quiet:
            print(f"swarm of five, {name}: at most {SECONDS:g} s", file=sys.stderr, flush=True)
        lines += _swarm(
            name, {one: settings if one in mine else partner for one in IDS}, folder, flag
        )
    return lines


def _swarm(name: str, who: dict[int, Settings], out: Path, flag: threading.Event) -> list[str]:
    """One swarm of five: started in order, waited for, compared, judged."""
    taken = {one: ports.take() for one in IDS}
    for _, held in taken.values():
        for sock in held:
            sock.close()
    numbers = {one: port for one, (port, _) in taken.items()}
    peers = tuple((one, one == IDS[0]) for one in IDS)
    programs: dict[int, Program] = {}
    folders: dict[int, Folder] = {}
    began = time.monotonic()
    try:
        for one in IDS:
            plan = Plan("swarm", one, peers, 2, 1, 2, 64, 16384, 1000, lambda _: None, (), "")
            data = "peer_{id}" if who[one].data == "auto" else who[one].data
            folders[one] = Folder(out / str(one), plan, dataclasses.replace(who[one], data=data))
            folders[one].fill(numbers)
        for one, folder in folders.items():
            order = Order(folder.command(), folder.work.resolve(), folder.output)
            programs[one] = Program(order)
        while any(one.poll() is None for one in programs.values()):
            if time.monotonic() - began > SECONDS:
                break
            if flag.wait(0.05):
                raise Cancelled
        seconds = time.monotonic() - began
        left = [one for one, program in programs.items() if program.poll() is None]
    finally:
        for program in programs.values():
            program.stop(gently=True)
        for port in numbers.values():
            ports.give_back(port)
    return [
        f"swarm of five, {name}: {line}" for line in _verdict(folders, programs, left, seconds, out)
    ]


def _verdict(
    folders: dict[int, Folder],
    programs: dict[int, Program],
    left: list[int],
    seconds: float,
    out: Path,
) -> list[str]:
    """What went wrong, or that all is well."""
    wrong = []
    if left:
        wrong.append(f"{FAILED}: {_names(left)} had not ended after {SECONDS:g} s")
    else:
        failed = {one: program.status for one, program in programs.items() if program.status}
        wrong += [f"{FAILED}: {one} ended {how_ended(status)}" for one, status in failed.items()]
    whole = content(folders[IDS[0]].plan)
    bad = [
        one
        for one, folder in folders.items()
        if not any(
            path.is_file() and path.read_bytes() == whole for path in folder.finished_files()
        )
    ]
    if bad:
        wrong.append(f"{FAILED}: the file of {_names(bad)} is missing or differs")
    said, kept = judge_swarm(_collect(folders, out / "logs"))
    if not kept:
        wrong.append(f"{FAILED}: the verifier says: {said}; the logs are in {out / 'logs'}")
    return wrong or [f"PASS in {seconds:.1f} s: all complete, all files the same; verifier: {said}"]


def _names(ids: list[int]) -> str:
    return ", ".join(map(str, ids))


def _collect(folders: dict[int, Folder], target: Path) -> Path:
    """All logs in one folder with the configuration, as the verifier reads a run."""
    target.mkdir(parents=True, exist_ok=True)
    for one, folder in folders.items():
        for name in ("Common.cfg", "PeerInfo.cfg"):
            shutil.copyfile(folder.work / name, target / name)
        log = folder.find_log()
        if log:
            shutil.copyfile(log, target / f"log_peer_{one}.log")
    return target
