"""The commands of `invoke remote.*`, from connecting to their exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.exits import ExitStatus
from harness.local.children import GRACE
from harness.local.swarm import conclude
from harness.output import busy
from harness.remote.check import check
from harness.remote.collect import collect
from harness.remote.delivery import arrivals, deliver
from harness.remote.deploy import deploy
from harness.remote.host.messages import Stopped
from harness.remote.launch import launch
from harness.remote.plan import make_plan
from harness.watch.live import make_console, progress_table

if TYPE_CHECKING:
    from harness.remote.plan import Options


def run_check(options: Options) -> int:
    """Look at every host: 0 when all are ready, 8 when one isn't."""
    plan = make_plan(options)
    with plan.connect() as fleet:
        return 0 if check(plan, fleet, make_console()) else ExitStatus.HOSTS_FAILED


def run_deploy(options: Options) -> int:
    """Put everything in place: 0 when that worked everywhere, 8 when it didn't."""
    plan = make_plan(options)
    with plan.connect() as fleet:
        return 0 if deploy(plan, fleet, make_console()) else ExitStatus.HOSTS_FAILED


def run_launch(options: Options) -> int:
    """Run the swarm that was deployed: the exit status of a swarm, 8 when a host failed."""
    plan = make_plan(options)
    console = make_console()
    with plan.connect() as fleet:
        exit_status, board = launch(plan, fleet, console)
    if board is not None:
        console.print(progress_table(board))
        console.print(f"exit status {exit_status}; logs and traces: `invoke remote.collect`")
    return exit_status


def run_collect(options: Options) -> int:
    """Bring logs, traces and checksums here: 0 when all came, 8 when a host failed."""
    plan = make_plan(options)
    console = make_console()
    with plan.connect() as fleet:
        result = collect(plan, fleet, console, board=None, exit_status=0)
    result.write()
    console.print(result.table())
    console.print(result.last_words(), soft_wrap=True)
    return result.exit_status


def run_stop(options: Options) -> int:
    """End what was launched, and only that: 0 when nothing is left, 8 when a host failed."""
    plan = make_plan(options, needs_file=False)
    console = make_console()
    with plan.connect() as fleet:
        outcomes = fleet.each(lambda session: session.ask(Stopped, grace=GRACE).ended)

    def row(_name: str, ended: list[tuple[str, int, str]]) -> list[str]:
        told = [f"{what} (process {pid}): {how}" for what, pid, how in ended]
        return ["; ".join(told) or "nothing ran"]

    outcomes.show(console, ["What was launched"], row)
    return ExitStatus.HOSTS_FAILED if outcomes.errors else 0


def run_swarm(options: Options) -> int:
    """Check, deploy, launch, collect, judge: the exit status of a swarm, 8 when a host failed."""
    plan = make_plan(options)
    console = make_console()
    with plan.connect() as fleet:
        if not (check(plan, fleet, console) and deploy(plan, fleet, console)):
            return ExitStatus.HOSTS_FAILED
        exit_status, board = launch(plan, fleet, console)
        if board is None:
            return exit_status
        with busy("collecting"):
            result = collect(plan, fleet, console, board=board, exit_status=exit_status)
        places = deliver(plan, fleet, result, console)
    return conclude(result, console, table=arrivals(plan, result, places))
