"""All commands: the tasks of `invoke` (invoking.py) and of the command `swarmproof` (program.py) are made of this table."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness import develop, docs, grading, options, probing
from harness.bench import compare, scale
from harness.local import hashing, reports, swarm
from harness.packing import archive
from harness.remote import commands as remote
from harness.remote import plan
from harness.search import campaign, judging

_INTERRUPTED = "130, 143, 129 interrupted, terminated, hung up"
_WHERE = ("config", "hosts", "from_first", "port", "ssh_config", "home", "python")
_SHAPE = ("file", "piece_size", "k")
_LAUNCHING = ("timeout", "random_seed", "plain", "trace")


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what it is told, what it does, and what `--help` says.

    `meaning` begins with one sentence, `example` is what follows the name in one, `exits` tells the exit
    statuses, and `only` which fields of `options` can be given.
    """

    name: str
    run: Callable[[Any], int]
    options: type
    meaning: str
    example: str
    exits: Sequence[str]
    only: Sequence[str] | None = None
    in_project: bool = False
    """Whether it works on the project itself, so that only a checkout has it."""

    def explanation(self, program: str) -> str:
        """What it does, an example, the exit statuses."""
        first, *more = self.meaning.split("\n\n")
        exits = _wrapped(f"Exit status: {'; '.join(self.exits)}.")
        end = f"Example: {program} {self.example}.\n{exits}"
        return "\n\n".join([first, *map(_wrapped, more), end])


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100, break_on_hyphens=False)


COMMANDS = (
    Command(
        "swarm",
        swarm.run_swarm,
        swarm.Options,
        "Run a swarm on this machine: real peers distribute a file from the seed to all leechers.",
        "swarm --file big.iso --peers 8 --piece-size 1MiB",
        (
            "0 every peer ended with 0, all copies are identical and the logs break no rule",
            "1 unusable configuration, file or port",
            "2 wrong use, or no report",
            "5 time-out",
            "6 copies differ",
            "7 a rule is broken",
            _INTERRUPTED,
            "else that of the first peer that failed",
        ),
    ),
    Command(
        "hash",
        hashing.run_hash,
        hashing.Options,
        "Write pieces.sha256 of a file: with it peers check every piece, and can resume (docs/hashes.md).",
        "hash --file lecture.mp4 --piece-size 256KiB",
        ("0 written", "1 the file can't be read or the hashes can't be written", "2 wrong use"),
    ),
    Command(
        "test",
        develop.test,
        develop.Thoroughness,
        "Lint, check types, run all tests with the core's branch coverage.",
        "test --thorough",
        ("0 all is well", "else that of the first tool that found something"),
        in_project=True,
    ),
    Command(
        "check",
        develop.check,
        options.NoOptions,
        "Lint and check format and types, without running tests.",
        "check",
        ("0 all is well", "else that of the first tool that found something"),
        in_project=True,
    ),
    Command(
        "docs",
        docs.write,
        options.NoOptions,
        "Write the generated parts of docs/ again: the machines' diagrams, the checks of each clause, the probe's catalogue.",
        "docs",
        ("0",),
        in_project=True,
    ),
    Command(
        "bench",
        compare.run_bench,
        compare.Options,
        "Benchmark swarms against two baselines: a raw copy over TCP, and one-piece-at-a-time download from the seed.",
        "bench --quick --peers 3",
        ("0 measured", "1 a run failed or there is no room for its files", "2 wrong use"),
    ),
    Command(
        "verify",
        reports.run_verify,
        reports.VerifyOptions,
        "Replay a run's logs and show every broken rule; `python -m verifier --help` has more options.",
        "verify --dir runs/2026-11-22T10-00-00",
        ("0 no rule is broken", "1 a rule is broken", "2 unusable input", "3 undecided"),
    ),
    Command(
        "probe",
        probing.run_probe,
        probing.Options,
        "Test any team's program: play all its neighbors and say which rules it breaks.",
        "probe --command 'python3 peerProcess.py {id}' --quick",
        (
            "0 nothing broken",
            "1 broken",
            "2 can't be judged or wrong use",
            "3 undecided",
        ),
    ),
    Command(
        "report",
        reports.run_report,
        reports.ReportOptions,
        "Write a page with charts of a run, and its verdict, and open it in the browser.",
        "report --dir runs/2026-11-22T10-00-00 --no-open",
        (
            "0 no rule is broken",
            "1 a rule is broken",
            "2 unusable input, or the page can't be written",
            "3 undecided",
        ),
    ),
    Command(
        "grade",
        grading.run_grade,
        grading.Options,
        "Judge and score many submissions, and write a table and a page for each (docs/grading.md).",
        "grade --dir submissions --config course",
        (
            "0 all were judged",
            "2 nothing to grade, a wrong rubric or configuration, or wrong use",
            "3 some couldn't be judged",
            "8 with --on: Dask isn't installed, or its scheduler can't be used",
        ),
    ),
    Command(
        "simulate",
        campaign.run_simulations,
        judging.Options,
        "Run whole swarms under a virtual clock and judge their logs; a failing one names its seed.\n\n"
        "--on has the workers of a Dask scheduler run them, so that millions can be searched "
        "(docs/scale.md); it needs the extra `cluster` here, and there nothing but Dask.",
        "simulate --swarms 100 --random-seed 7",
        (
            "0 all went well",
            "1 something is wrong with one of them",
            "2 wrong use",
            "8 Dask isn't installed here, or the scheduler can't be reached, is gone or of another version",
            "130 interrupted",
        ),
    ),
    Command(
        "scale",
        scale.run_scale,
        scale.Options,
        "Measure in the simulator how cost and completion time grow with the peers (docs/scale.md).",
        "scale --peers 50",
        ("0 measured", "2 wrong use"),
    ),
    Command(
        "package",
        archive.package,
        archive.Options,
        "Make swarmproof.pyz: all of this and its libraries in one file that only needs Python.",
        "package",
        ("0 it is written", "1 a library is missing, or it can't be written", "2 wrong use"),
        in_project=True,
    ),
    Command(
        "clean",
        develop.clean,
        develop.Cleaning,
        "Remove caches, coverage data and builds; the virtual environment stays.",
        "clean --runs",
        ("0",),
        in_project=True,
    ),
)
REMOTE = (
    Command(
        "check",
        remote.run_check,
        plan.Options,
        "Check that every host is ready: reachable, Python, ports, names, space, clock, file.",
        "remote.check --config three-laptops",
        ("0 all are ready", "1 unusable configuration", "2 wrong use", "8 a host isn't ready"),
        (*_WHERE, *_SHAPE),
    ),
    Command(
        "deploy",
        remote.run_deploy,
        plan.Options,
        "Put the project, the configuration and the file in place on every host.\n\n"
        "Nothing is installed there and no network but SSH is needed: the project comes with its "
        "dependencies, in the versions that are installed here.",
        "remote.deploy --file lecture.mp4",
        (
            "0 all is in place",
            "1 unusable configuration or file",
            "2 wrong use",
            "8 a host failed",
        ),
        (*_WHERE, *_SHAPE, "to"),
    ),
    Command(
        "launch",
        remote.run_launch,
        plan.Options,
        "Start the peers of what was deployed, in the order of PeerInfo.cfg, and watch them live.\n\n"
        "They end with this command, however it ends: by Ctrl-C (twice: at once), or with the "
        "connection.",
        "remote.launch --file lecture.mp4 --timeout 3600",
        (
            "0 every peer ended with 0",
            "1 unusable configuration",
            "2 wrong use",
            "5 time-out",
            "8 a host failed",
            _INTERRUPTED,
            "else that of the first peer that failed",
        ),
        (*_WHERE, *_SHAPE, "resume", *_LAUNCHING),
    ),
    Command(
        "collect",
        remote.run_collect,
        plan.Options,
        "Bring logs, traces and checksums of the latest launch to a run folder; then `invoke verify`.",
        "remote.collect --config three-laptops",
        ("0 all is here", "1 unusable configuration", "2 wrong use", "8 a host failed"),
        (*_WHERE, *_SHAPE, "runs"),
    ),
    Command(
        "stop",
        remote.run_stop,
        plan.Options,
        "End exactly the processes that were launched and still run, by their ids.",
        "remote.stop --config three-laptops",
        ("0 nothing is left", "1 unusable configuration", "2 wrong use", "8 a host failed"),
        _WHERE,
    ),
    Command(
        "swarm",
        remote.run_swarm,
        plan.Options,
        "Do it all across the hosts: check, deploy, launch, collect, and judge the logs.",
        "remote.swarm --hosts anna@pc1,pc2,pc3 --file lecture.mp4 --to Downloads",
        (
            "0 every peer ended with 0, all copies are identical and the logs break no rule",
            "1 unusable configuration or file",
            "2 wrong use",
            "5 time-out",
            "6 copies differ",
            "7 a rule is broken",
            "8 a host failed",
            _INTERRUPTED,
            "else that of the first peer that failed",
        ),
    ),
)
