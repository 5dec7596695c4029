"""`invoke grade`: judges and scores many submissions by `python -m verifier grade`."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from core.exits import ExitStatus
from harness.errors import HarnessError
from harness.options import address, count, option, path, seconds
from verifier.grading import cli


@dataclass(frozen=True, slots=True)
class Options:
    """What is graded, and how."""

    folder: Path | None = option("Folder of submissions, or an archive.", path, name="dir")
    out: Path = option("Folder for the results (default: grades).", path, default=Path("grades"))
    rubric: Path | None = option("Rubric to score by (default: the verifier's own).", path)
    config: Path | None = option(
        "Folder of Common.cfg and PeerInfo.cfg, for submissions without them.", path
    )
    strict: bool = option("Count faults of logging as errors.", default=False)
    jobs: int = option(
        "Submissions at a time (default: one for each processor).",
        count(1),
        default=os.cpu_count() or 1,
    )
    timeout: float = option("Seconds for one submission (default: 120).", seconds, default=120.0)
    on: str | None = option(
        "Address of a Dask scheduler whose workers judge, such as tcp://scheduler:8786; they must see "
        "the same folders (default: the processors here).",
        address,
    )


def run_grade(options: Options) -> int:
    """Grade a folder of submissions; the exit status. HarnessError when none is named."""
    if options.folder is None:
        raise HarnessError(
            "name the folder of submissions with --dir, such as `invoke grade --dir submissions`",
            status=ExitStatus.USAGE,
        )
    given = [str(options.folder), "--out", str(options.out), "--jobs", str(options.jobs)]
    given += ["--timeout", f"{options.timeout:g}"]
    for name, value in (("--rubric", options.rubric), ("--config", options.config)):
        given += [name, str(value)] if value else []
    given += ["--strict"] if options.strict else []
    if options.on is None:
        return cli.main(given)
    from harness.cluster.scheduler import connect  # noqa: PLC0415 -- only this needs Dask

    with closing(connect(options.on)) as workers:
        return cli.main(given, workers)
