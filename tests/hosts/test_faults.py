"""Swarms across hosts whose cables, clocks and lives fail: they complete or say why not, and the verdict is right (spec 2.9, 7.3)."""

from __future__ import annotations

import time
from itertools import chain
from pathlib import Path

import pytest

from tests.kit.hosts import needs
from tests.kit.hosts.host import Clock
from tests.kit.hosts.lab import Lab
from tests.kit.hosts.swarm import HostSwarm
from verifier.api import Report
from verifier.findings import Finding, Severity

pytestmark = pytest.mark.swarm

SLOW = ("--trace", "--rate=300000")
"""An upload limit that leaves a middle to disturb."""


def assert_complete(swarm: HostSwarm, within: float, *, justified: str = "") -> None:
    """All peers end with status 0, all copies are the seed's, and the verdict is spotless.

    But for warnings of the check `justified`, which tells what was done to this swarm.
    """
    assert set(swarm.await_end(within).values()) == {0}, swarm.report()
    swarm.assert_copies()
    report = swarm.judge()
    assert report.status == 0, report.text
    assert set(findings(report)) <= {justified}, report.text


@pytest.mark.parametrize(
    ("loss", "rtt"),
    [
        pytest.param(0.01, 0.0, marks=pytest.mark.thorough),
        pytest.param(0.0, 0.1, marks=pytest.mark.thorough),
        (0.01, 0.02),
    ],
)
def test_loss_and_delay(loss: float, rtt: float, tmp_path: Path) -> None:
    """A swarm completes over lines that lose 1 % of all frames or take 100 ms, and keeps every rule (spec 8.4)."""
    with Lab(tmp_path / "lab", hosts=3, rate=50e6, loss=loss, rtt=rtt) as lab:
        swarm = HostSwarm(lab, pieces=30, piece_size=32_768)
        swarm.start()
        assert_complete(swarm, within=60)


def test_a_clock_that_is_wrong(tmp_path: Path) -> None:
    """A host whose clock is 10 minutes ahead and shows another zone's time does no harm, to the swarm or to the verdict (spec 8.1)."""
    if needs.faketime() is None:
        pytest.skip("a host with another time needs libfaketime (package faketime)")
    with Lab(tmp_path / "lab", hosts=3, clocks={1: Clock(600, "Asia/Kolkata")}) as lab:
        swarm = HostSwarm(lab, pieces=40, piece_size=16_384)
        swarm.start()
        assert_complete(swarm, within=30)
        assert "+05:30: Peer 1002 has downloaded the complete file." in swarm.log(1002)


def test_a_cable_that_is_out_for_20_s(tmp_path: Path) -> None:
    """A swarm completes though a leecher's cable was out for 20 s in the middle (spec 2.5).

    The haves that were under way arrive 20 s late, of which H06 rightly warns: a log doesn't show that
    they waited for the cable and not for their sender.
    """
    with Lab(tmp_path / "lab", hosts=3) as lab:
        swarm = HostSwarm(lab, pieces=100, piece_size=16_384)
        swarm.start(arguments=SLOW)
        swarm.await_log(1002, "has downloaded", 20)
        lab.hosts[1].unplug()
        time.sleep(20)
        lab.hosts[1].plug()
        assert_complete(swarm, within=60, justified="H06")


def test_a_host_that_comes_back_without_its_peer(tmp_path: Path) -> None:
    """When a peer is gone for good the others complete, end with status 3 and name it (spec 7.3)."""
    with Lab(tmp_path / "lab", hosts=3) as lab:
        swarm = HostSwarm(lab, pieces=40, piece_size=16_384)
        swarm.start(arguments=(*SLOW, "--wait=1"))
        swarm.await_log(1002, "has downloaded", 20)
        lab.hosts[1].vanish()
        lab.reboot(lab.hosts[1])
        assert_others_name(swarm, within=30)


@pytest.mark.thorough
def test_a_host_that_vanishes_for_good(tmp_path: Path) -> None:
    """When a host is gone for good the others complete, end with status 3 and name its peer (spec 2.9, 7.3)."""
    with Lab(tmp_path / "lab", hosts=3) as lab:
        swarm = HostSwarm(lab, pieces=40, piece_size=16_384)
        swarm.start(arguments=(*SLOW, "--wait=1"))
        swarm.await_log(1002, "has downloaded", 20)
        lab.hosts[1].vanish()
        assert_others_name(swarm, within=60)


def assert_others_name(swarm: HostSwarm, within: float) -> None:
    """All but 1002 end complete and name it as missing; so does the verdict, and blames nobody else.

    Without 1002's log, which can't be fetched from a host that is gone, its lack is all there is to
    say. With it, what 1002 was still owed and didn't do is told, which is justified: the logs don't
    show that it was lost, and the swarm didn't do what spec 7.1 demands.
    """
    assert swarm.await_end(within, 1001, 1003) == {1001: 3, 1003: 3}, swarm.report()
    swarm.assert_copies(1001, 1003)
    for peer_id in (1001, 1003):
        assert "1002" in swarm.diagnostics(peer_id).splitlines()[-1], swarm.report()
    report = swarm.judge(1001, 1003)
    found = findings(report)
    assert list(found) == ["F01"], report.text
    assert found["F01"][0].because == "there is no log_peer_1002.log"
    report = swarm.judge()
    found = findings(report)
    assert "T01" in found, report.text
    case = report.verdicts[0].case
    for finding in chain(*found.values()):
        shown = [case.source(witness.log).label for witness in finding.witnesses]
        assert "1002" in " ".join([finding.because, *shown]), report.text


def findings(report: Report) -> dict[str, list[Finding]]:
    """The errors and warnings of each check that has any."""
    found: dict[str, list[Finding]] = {}
    for result in report.verdicts[0].results:
        for finding in result.tally.findings:
            if finding.severity >= Severity.WARNING:
                found.setdefault(result.check.id, []).append(finding)
    return found
