"""What the hosts in miniature need of a machine, and what of it is missing here."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGES = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "tc": "iproute2",
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
}
TRIAL = """
ip link add bridge0 type bridge
ip link add one type veth peer name other
tc qdisc add dev one root tbf rate 1mbit burst 80kb latency 50ms
mount -t tmpfs tmpfs /mnt
"""


@cache
def missing() -> str | None:
    """Why hosts can't be made on this machine, None if they can."""
    if not hasattr(os, "geteuid") or not Path("/proc/self/ns").is_dir():
        return "hosts in miniature need Linux"
    if os.geteuid() != 0:
        return "hosts in miniature need root, to make network namespaces"
    for program, package in PACKAGES.items():
        if shutil.which(program, path=SYSTEM_PATH) is None:
            return f"hosts in miniature need {program} (package {package})"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "hosts in miniature need TAP devices: there is no usable /dev/net/tun"
    trial = subprocess.run(
        ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "sh", "-ec", TRIAL],
        env={"PATH": SYSTEM_PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    if trial.returncode:
        return f"hosts in miniature can't be made here: {trial.stderr.strip()}"
    return None


def faketime() -> Path | None:
    """The library that gives a process another time, None where it isn't installed."""
    found = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return next(iter(sorted(found)), None)
