"""`invoke remote.deploy`: the project, the configuration and the file, put in place on every host."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from core.config import PeerInfo
from harness.errors import HarnessError, HostError
from harness.options import format_bytes
from harness.remote.bundle import Bundle, bundle
from harness.remote.fleet import Fleet
from harness.remote.host.messages import Adopted, Configured, HasProgram, Reused, Sums, Unpacked
from harness.remote.plan import Plan
from harness.remote.session import Session, named


@dataclass(frozen=True, slots=True)
class Done:
    """What was done on one host, in words."""

    project: str
    file: str


def deploy(plan: Plan, fleet: Fleet, console: Console) -> bool:
    """Put everything in place and tell in one table; whether it worked everywhere."""
    packed = bundle()
    if plan.options.file is not None:
        try:
            plan.file_sha256  # noqa: B018 -- it is kept, and here rather than in each thread
        except OSError as error:
            raise HarnessError(f"--file {plan.options.file}: can't be read: {error}") from error
    outcomes = fleet.each(lambda session: _deploy_to(plan, packed, session))

    def row(_name: str, done: Done) -> list[str]:
        return [done.project, "written", done.file]

    outcomes.show(console, ["Project", "Configuration", "File"], row)
    return not outcomes.errors


def _deploy_to(plan: Plan, packed: Bundle, session: Session) -> Done:
    project = _put_project(packed, session)
    peers = session.host.peers
    folders = [f"peer_{peer.peer_id}" for peer in peers]
    session.ask(Configured, files=plan.files, folders=folders)
    seeds = [peer for peer in peers if peer.has_file]
    reused = _reuse(plan, session)
    if plan.options.file is None:
        places = [f"{session.about.home}/swarm/{plan.copy_of(peer)}" for peer in seeds]
        return Done(project, f"expected at {', '.join(places)}" if places else "")
    put = [_put_file(plan, plan.options.file, peer, session) for peer in seeds]
    return Done(project, ", ".join([*put, *reused]))


def _reuse(plan: Plan, session: Session) -> list[str]:
    """Leechers whose host has the very file need not be sent it: they start with it."""
    if plan.options.file is None:
        return []
    told = []
    for peer in session.host.peers:
        if not peer.has_file:
            order = {"path": plan.copy_of(peer), "folder": plan.options.to}
            if session.ask(Reused, **order, sha256=plan.file_sha256).found:
                plan.kept.add(peer.peer_id)
                told.append("was there")
    return told


def _put_project(packed: Bundle, session: Session) -> str:
    if session.ask(HasProgram, program=packed.name).there:
        return f"{packed.name} was there"
    session.put(io.BytesIO(packed.archive), f"programs/{packed.name}.zip")
    session.ask(Unpacked, program=packed.name, sha256=packed.sha256)
    return f"{packed.name} sent, {format_bytes(len(packed.archive))}"


def _put_file(plan: Plan, source: Path, peer: PeerInfo, session: Session) -> str:
    """Send the file unless the very same is there."""
    path = plan.copy_of(peer)
    if named(session.ask(Sums, paths=[path]).sums, path).sha256 == plan.file_sha256:
        return "was there"
    upload = f"peer_{peer.peer_id}/.upload"
    with source.open("rb") as content:
        session.put(content, f"swarm/{upload}")
    arrived = named(session.ask(Sums, paths=[upload]).sums, upload)
    if arrived.sha256 != plan.file_sha256:
        raise HostError(f"{source.name} was damaged on its way, or changed here: deploy it again")
    aside = session.ask(Adopted, upload=upload, path=path).aside
    sent = f"sent, {format_bytes(plan.config.file_size)}"
    return f"{sent}; what was there is now {aside}" if aside else sent
