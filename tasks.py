"""The project's commands: `invoke --list` names them, `invoke NAME --help` explains one."""

from __future__ import annotations

import shlex

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from harness import bench as benchmark
from harness import commands, numbers, reports, runfolder, simulations
from harness import scale as scaling
from harness import swarm as swarms
from harness.finish import finish, path_of
from harness.remote import tasks as remote
from probe import cli as probe
from verifier import cli as verifier


@task(
    auto_shortflags=False,
    help={
        "config": "Folder under configs/ or any path with Common.cfg and PeerInfo.cfg (default: small).",
        "file": "Share this real file; it is linked, never changed (default: made-up content).",
        "peers": "Number of peers: the first of the configuration, or more leechers than it has.",
        "piece-size": "Bytes of a piece, such as 1048576 or 1MiB (default: the configuration's).",
        "rate": "Upload limit of each peer in bytes a second, 0 for none (default: swarm.toml's; none with --file).",
        "timeout": "Seconds until the swarm is ended with status 5 (default: swarm.toml's or 300).",
        "random-seed": "Seed of the content and of all peers' random choices (default: a new one).",
        "plain": "Plain lines instead of the live table, as when this isn't a terminal.",
        "keep": "Keep the leechers' copies after the comparison.",
        "free-ports": "Pick free ports instead of the configuration's.",
        "report": "Write report.html into the run's folder, a page with charts (needs Plotly).",
    },
)
def swarm(
    _context: Context,
    *,
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
    report: bool = False,
) -> None:
    """Run a swarm on this machine: real peers hand a file from the seed to all leechers.

    Example: invoke swarm --file big.iso --peers 8 --piece-size 1MiB.
    Exit status: 0 every peer ended with 0, all copies are identical and the logs break no rule;
    1 unusable configuration, file or port; 2 wrong use, or no report; 5 time-out; 6 copies differ; 7 a rule is
    broken; 130, 143, 129 interrupted, terminated, hung up; else that of the first peer that failed.
    """

    def work() -> int:
        return swarms.run_swarm(
            swarms.Options(
                config=config,
                file=path_of(file),
                peers=numbers.parse_count("peers", peers, least=1),
                piece_size=numbers.parse_size("piece-size", piece_size, least=1),
                rate=numbers.parse_size("rate", rate),
                timeout=numbers.parse_seconds("timeout", timeout),
                random_seed=numbers.parse_count("random-seed", random_seed),
                plain=plain,
                keep=keep,
                free_ports=free_ports,
                report=report,
            )
        )

    finish(work)


@task(
    name="test",
    auto_shortflags=False,
    help={"thorough": "Also the long runs: many swarms in a row, a full disk, hours of fake time."},
)
def run_tests(_context: Context, *, thorough: bool = False) -> None:
    """Lint, check types, run all tests with the core's branch coverage.

    Example: invoke test --thorough.
    Exit status: 0 all is well, else that of the first tool that found something.
    """
    finish(lambda: commands.test(thorough=thorough))


@task
def check(_context: Context) -> None:
    """Lint and check format and types, without running tests.

    Example: invoke check.
    Exit status: 0 all is well, else that of the first tool that found something.
    """
    finish(commands.check)


@task
def docs(_context: Context) -> None:
    """Write what is generated in docs/ anew: the machines' diagrams, the checks of each clause.

    Example: invoke docs.
    Exit status: 0.
    """
    commands.docs()


@task(
    name="probe",
    auto_shortflags=False,
    help={
        "command": "Command that starts the program, with {id} for the peer's id (default: that of probe.toml).",
        "project": "Folder of the program.",
        "build": "Command that builds it.",
        "quick": "Only the sessions that find most, about 8 s.",
        "options": "Further options and cases, as `python -m probe --help` has them.",
    },
)
def probe_program(
    _context: Context,
    *,
    command: str = "",
    project: str = "",
    build: str = "",
    quick: bool = False,
    options: str = "",
) -> None:
    """Test any team's program: play all its neighbors and say which rules it breaks.

    Example: invoke probe --command 'python3 peerProcess.py {id}' --quick.
    Exit status: 0 nothing broken, 1 broken, 2 can't be judged or wrong use, 3 something undecided.
    """
    given = [command] if command else []
    given += [f"--project={project}"] if project else []
    given += [f"--build={build}"] if build else []
    given += ["--quick"] if quick else []
    finish(lambda: probe.main([*given, *shlex.split(options)]))


@task(
    auto_shortflags=False,
    help={
        "peers": "Only swarms of this many peers (default: 3 and 6).",
        "piece-size": "Only pieces of this size (default: 32KiB, 256KiB and 1MiB).",
        "file-size": "Size of the file (default: 100MiB with pieces of 32KiB, else 1GiB).",
        "repetitions": "How often each is measured (default: 3).",
        "quick": "Files of 50 MiB: a look, not a measurement.",
        "trace": "Peers write their traces, to see what that adds.",
        "json": "Where to write all figures (default: runs/bench-<time stamp>.json).",
    },
)
def bench(
    _context: Context,
    *,
    peers: str = "",
    piece_size: str = "",
    file_size: str = "",
    repetitions: str = "3",
    quick: bool = False,
    trace: bool = False,
    json: str = "",
) -> None:
    """Measure swarms beside two floors: the raw pump and the stop-and-wait star.

    Example: invoke bench --quick --peers 3.
    Exit status: 0 measured, 1 a run failed or there is no room for its files, 2 wrong use.
    """

    def work() -> int:
        return benchmark.run_bench(
            benchmark.Options(
                peers=numbers.parse_count("peers", peers, least=2),
                piece_size=numbers.parse_size("piece-size", piece_size, least=1),
                file_size=numbers.parse_size("file-size", file_size, least=1),
                repetitions=numbers.parse_count("repetitions", repetitions, least=1) or 1,
                quick=quick,
                trace=trace,
                json=path_of(json),
            )
        )

    finish(work)


@task(
    auto_shortflags=False,
    help={
        "dir": "Folder with the logs of a run (default: the latest run's).",
        "lenient": "Judge faults of logging as warnings, as for other teams' programs.",
        "form": "text, json or junit (default: text); `invoke report` makes a page.",
    },
)
def verify(
    _context: Context,
    *,
    dir: str = "",  # noqa: A002 -- it is the option's name
    lenient: bool = False,
    form: str = "text",
) -> None:
    """Replay a run's logs and show every broken rule; `python -m verifier --help` has more options.

    Example: invoke verify --dir runs/2026-11-22T10-00-00.
    Exit status: 0 no errors, 1 a rule is broken, 2 unusable input, 3 only unknowns.
    """

    def work() -> int:
        folder = path_of(dir) or runfolder.latest_run()
        return verifier.main([str(folder), "--format", form, *(["--lenient"] if lenient else [])])

    finish(work)


@task(
    auto_shortflags=False,
    help={
        "dir": "Folder with the logs of a run (default: the latest run's).",
        "output": "File to write (default: report.html in that folder).",
        "lenient": "Judge faults of logging as warnings, as for other teams' programs.",
        "open": "Show the page in the browser (the default), or don't.",
    },
)
def report(
    _context: Context,
    *,
    dir: str = "",  # noqa: A002 -- it is the option's name
    output: str = "",
    lenient: bool = False,
    open: bool = True,  # noqa: A002 -- so that there is --no-open
) -> None:
    """Write a page with charts of a run, and its verdict, and open it; it needs the extra `report`.

    Example: invoke report --dir runs/2026-11-22T10-00-00 --no-open.
    Exit status: 0 no errors, 1 a rule is broken, 2 unusable input, no Plotly, or the page can't be
    written, 3 only unknowns.
    """
    finish(
        lambda: reports.run_report(
            path_of(dir) or runfolder.latest_run(), path_of(output), lenient=lenient, show=open
        )
    )


@task(
    auto_shortflags=False,
    help={
        "swarms": "How many (default: 1).",
        "random-seed": "Seed of the first; the next ones follow (default: 1).",
        "peers": "Number of peers (default: a random scenario for each seed).",
        "pieces": "Number of pieces, with --peers (default: 100).",
        "faults": "Late joiners, cut connections and killed peers: so many of each, with --peers.",
        "trace": "Write and judge traces too, with --peers: that takes twice as long (random ones always do).",
        "keep": "Folder to write logs and traces to (default: judged and thrown away).",
    },
)
def simulate(
    _context: Context,
    *,
    swarms: str = "",
    random_seed: str = "",
    peers: str = "",
    pieces: str = "",
    faults: str = "",
    trace: bool = False,
    keep: str = "",
) -> None:
    """Run whole swarms under a virtual clock and judge their logs; a failing one names its seed.

    Example: invoke simulate --swarms 100 --random-seed 7.
    Exit status: 0 all went well, 1 something is wrong with one of them, 2 wrong use.
    """

    def work() -> int:
        return simulations.run_simulations(
            simulations.Options(
                swarms=numbers.parse_count("swarms", swarms, least=1) or 1,
                random_seed=numbers.parse_count("random-seed", random_seed) or 1,
                peers=numbers.parse_count("peers", peers, least=1),
                pieces=numbers.parse_count("pieces", pieces, least=1) or 100,
                faults=numbers.parse_count("faults", faults) or 0,
                trace=trace,
                keep=path_of(keep),
            )
        )

    finish(work)


@task(
    auto_shortflags=False,
    help={
        "peers": "Largest swarm (default: 200, which takes minutes).",
        "pieces": "Number of pieces (default: 200).",
    },
)
def scale(_context: Context, *, peers: str = "", pieces: str = "") -> None:
    """Measure in the simulator how cost and completion time grow with the peers (docs/scale.md).

    Example: invoke scale --peers 50.
    Exit status: 0 measured, 2 wrong use.
    """

    def work() -> int:
        return scaling.run_scale(
            most_peers=numbers.parse_count("peers", peers, least=2),
            pieces=numbers.parse_count("pieces", pieces, least=1) or scaling.PIECES,
        )

    finish(work)


@task(
    auto_shortflags=False,
    help={"runs": "Also all run folders, with their logs."},
)
def clean(_context: Context, *, runs: bool = False) -> None:
    """Remove caches, coverage data and builds; the virtual environment stays.

    Example: invoke clean --runs.
    Exit status: 0.
    """
    commands.clean(runs=runs)


namespace = Collection(
    swarm, run_tests, check, docs, bench, verify, report, simulate, scale, clean, remote.namespace
)
