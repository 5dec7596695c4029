"""The tasks of `invoke remote.*`; what they do is in `commands.py`."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from harness import options as numbers
from harness.finish import finish, path_of
from harness.local.runfolder import RUNS
from harness.remote import commands
from harness.remote.plan import HOME, PYTHON, Options

_WHERE = {
    "config": "Folder under configs/ or any path with Common.cfg and PeerInfo.cfg (default: three-laptops).",
    "ssh-config": "Use this ssh configuration (default: ~/.ssh/config).",
    "home": "Folder on the hosts, in the user's home there or absolute (default: swarmproof).",
    "python": "Python 3.11 or newer on the hosts (default: python3).",
}
_FILE = {
    "file": "Share this real file; it is sent to the seeds that lack it (default: it lies there already).",
}
_RUN = {
    "timeout": "Seconds until the swarm is ended with status 5 (default: swarm.toml's or none).",
    "random-seed": "Seed of all peers' random choices (default: a new one).",
    "plain": "Plain lines instead of the live table, as when this isn't a terminal.",
    "trace": "Peers write their traces too (default: yes).",
}
_RUNS = {"runs": "Folder in which the run folder is made (default: runs/ of the project)."}


def _options(
    *,
    config: str,
    ssh_config: str,
    home: str,
    python: str,
    file: str = "",
    timeout: str = "",
    random_seed: str = "",
    plain: bool = False,
    trace: bool = True,
    runs: str = "",
) -> Options:
    """What the command line says, read; HarnessError where it can't be."""
    return Options(
        config=config,
        file=path_of(file),
        ssh_config=path_of(ssh_config),
        home=home,
        python=python,
        timeout=numbers.parse_seconds("timeout", timeout),
        random_seed=numbers.parse_count("random-seed", random_seed),
        plain=plain,
        trace=trace,
        runs=path_of(runs) or RUNS,
    )


@task(auto_shortflags=False, help={**_WHERE, **_FILE})
def check(
    _context: Context,
    *,
    config: str = "three-laptops",
    ssh_config: str = "",
    home: str = HOME,
    python: str = PYTHON,
    file: str = "",
) -> None:
    """Look whether every host is ready: reachable, Python, ports, names, space, clock, file.

    Example: invoke remote.check --config three-laptops.
    Exit status: 0 all are ready, 1 unusable configuration, 2 wrong use, 8 a host isn't ready.
    """
    options = _options(config=config, ssh_config=ssh_config, home=home, python=python, file=file)
    finish(lambda: commands.run_check(options))


@task(auto_shortflags=False, help={**_WHERE, **_FILE})
def deploy(
    _context: Context,
    *,
    config: str = "three-laptops",
    ssh_config: str = "",
    home: str = HOME,
    python: str = PYTHON,
    file: str = "",
) -> None:
    """Put the project, the configuration and the file in place on every host.

    Nothing is installed there and no network but SSH is needed: the project comes with its
    dependencies, in the versions that are installed here.

    Example: invoke remote.deploy --file lecture.mp4.
    Exit status: 0 all is in place, 1 unusable configuration or file, 2 wrong use, 8 a host failed.
    """
    options = _options(config=config, ssh_config=ssh_config, home=home, python=python, file=file)
    finish(lambda: commands.run_deploy(options))


@task(auto_shortflags=False, help={**_WHERE, **_FILE, **_RUN})
def launch(
    _context: Context,
    *,
    config: str = "three-laptops",
    ssh_config: str = "",
    home: str = HOME,
    python: str = PYTHON,
    file: str = "",
    timeout: str = "",
    random_seed: str = "",
    plain: bool = False,
    trace: bool = True,
) -> None:
    """Start the peers of what was deployed, in the order of PeerInfo.cfg, and watch them live.

    They end with this command, however it ends: by Ctrl-C (twice: at once), or with the connection.

    Example: invoke remote.launch --file lecture.mp4 --timeout 3600.
    Exit status: 0 every peer ended with 0; 1 unusable configuration; 2 wrong use; 5 time-out; 8 a
    host failed; 130, 143, 129 interrupted, terminated, hung up; else that of the first peer that
    failed.
    """

    def work() -> int:
        options = _options(
            config=config,
            ssh_config=ssh_config,
            home=home,
            python=python,
            file=file,
            timeout=timeout,
            random_seed=random_seed,
            plain=plain,
            trace=trace,
        )
        return commands.run_launch(options)

    finish(work)


@task(auto_shortflags=False, help={**_WHERE, **_FILE, **_RUNS})
def collect(
    _context: Context,
    *,
    config: str = "three-laptops",
    ssh_config: str = "",
    home: str = HOME,
    python: str = PYTHON,
    file: str = "",
    runs: str = "",
) -> None:
    """Bring logs, traces and checksums of the latest launch to a run folder; then `invoke verify`.

    Example: invoke remote.collect --config three-laptops.
    Exit status: 0 all is here, 1 unusable configuration, 2 wrong use, 8 a host failed.
    """
    options = _options(
        config=config, ssh_config=ssh_config, home=home, python=python, file=file, runs=runs
    )
    finish(lambda: commands.run_collect(options))


@task(auto_shortflags=False, help=_WHERE)
def stop(
    _context: Context,
    *,
    config: str = "three-laptops",
    ssh_config: str = "",
    home: str = HOME,
    python: str = PYTHON,
) -> None:
    """End exactly the processes that were launched and still run, by their ids.

    Example: invoke remote.stop --config three-laptops.
    Exit status: 0 nothing is left, 1 unusable configuration, 2 wrong use, 8 a host failed.
    """
    options = _options(config=config, ssh_config=ssh_config, home=home, python=python)
    finish(lambda: commands.run_stop(options))


@task(auto_shortflags=False, help={**_WHERE, **_FILE, **_RUN, **_RUNS})
def swarm(
    _context: Context,
    *,
    config: str = "three-laptops",
    ssh_config: str = "",
    home: str = HOME,
    python: str = PYTHON,
    file: str = "",
    timeout: str = "",
    random_seed: str = "",
    plain: bool = False,
    trace: bool = True,
    runs: str = "",
) -> None:
    """Do it all across the hosts: check, deploy, launch, collect, and judge the logs.

    Example: invoke remote.swarm --config three-laptops --file lecture.mp4.
    Exit status: 0 every peer ended with 0, all copies are identical and the logs break no rule;
    1 unusable configuration or file; 2 wrong use; 5 time-out; 6 copies differ; 7 a rule is broken;
    8 a host failed; 130, 143, 129 interrupted, terminated, hung up; else that of the first peer
    that failed.
    """

    def work() -> int:
        options = _options(
            config=config,
            ssh_config=ssh_config,
            home=home,
            python=python,
            file=file,
            timeout=timeout,
            random_seed=random_seed,
            plain=plain,
            trace=trace,
            runs=runs,
        )
        return commands.run_swarm(options)

    finish(work)


namespace = Collection("remote", check, deploy, launch, collect, stop, swarm)
