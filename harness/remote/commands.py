"""The commands of `invoke remote.*`, from connecting to their exit status."""

from __future__ import annotations

from dataclasses import replace

from core.exits import ExitStatus
from harness.errors import HarnessError
from harness.local.children import GRACE
from harness.local.swarm import conclude
from harness.output import busy
from harness.remote.check import check
from harness.remote.collect import collect, hashes_there
from harness.remote.delivery import arrivals, deliver
from harness.remote.deploy import deploy
from harness.remote.fleet import Fleet
from harness.remote.host.messages import Results, Stopped
from harness.remote.launch import launch
from harness.remote.plan import Options, make_plan
from harness.watch.console import make_console, say
from harness.watch.screen import progress_table


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
        outcome, board = launch(plan, fleet, console)
    if board is not None:
        console.print(progress_table(list(board.peers.values()), console.width))
        say(console, f"exit status {outcome.exit_status}; logs and traces: `invoke remote.collect`")
    return outcome.exit_status


def run_collect(options: Options) -> int:
    """Bring logs, traces and checksums here: 0 when all came, 8 when a host failed."""
    plan = make_plan(options)
    console = make_console()
    with plan.connect() as fleet:
        _see_what_there_is(fleet)
        result = collect(plan, fleet, console, board=None, exit_status=0)
    result.write()
    console.print(result.table(console.width))
    say(console, result.last_words())
    return result.exit_status


def _see_what_there_is(fleet: Fleet) -> None:
    """HarnessError where no host is reached, or none has anything of a launch: no folder is made for that."""
    told = fleet.each(lambda session: session.ask(Results))
    if not told.values:
        raise HarnessError("\n".join(told.problems), status=ExitStatus.HOSTS_FAILED)
    if not told.errors and not any(one.note or one.results for one in told.values.values()):
        raise HarnessError(
            "nothing was launched on these hosts yet: `swarmproof remote launch` does that, after "
            "`swarmproof remote deploy`; `swarmproof remote swarm` does it all"
        )


def run_stop(options: Options) -> int:
    """End what was launched, and only that: 0 when nothing is left, 8 when a host failed."""
    plan = make_plan(options, needs_file=False)
    console = make_console()
    with plan.connect() as fleet:
        outcomes = fleet.each(lambda session: session.ask(Stopped, grace=GRACE).ended)

    def row(_name: str, ended: list[tuple[str, int, str]]) -> list[str]:
        reports = [f"{what} (process {pid}): {how}" for what, pid, how in ended]
        return ["; ".join(reports) or "nothing ran"]

    outcomes.show(console, ["What was launched"], row)
    return ExitStatus.HOSTS_FAILED if outcomes.errors else 0


def run_swarm(options: Options) -> int:
    """Check, deploy, launch, collect, judge: the exit status of a swarm, 8 when a host failed."""
    plan = make_plan(options)
    console = make_console()
    with plan.connect() as fleet:
        if not (check(plan, fleet, console) and deploy(plan, fleet, console)):
            return ExitStatus.HOSTS_FAILED
        outcome, board = launch(plan, fleet, console)
        if board is None:
            return outcome.exit_status
        with busy("collecting"):
            result = collect(plan, fleet, console, board=board, exit_status=outcome.exit_status)
        places = deliver(plan, fleet, result, console)
        pieces = hashes_there(plan, fleet, result)
    result = replace(result, interrupted=outcome.interrupted)
    return conclude(result, console, pieces=pieces, table=arrivals(plan, result, places))
