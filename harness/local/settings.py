"""Reads `swarm.toml`: what a ready-made swarm wants of the launcher.

`Common.cfg` and `PeerInfo.cfg` hold the prescribed keys alone, since other teams' programs read
them too; whatever else a swarm needs stands beside them in this optional third file:

    rate = "200kB"      # upload limit of each peer, content bytes a second; 0: none
    timeout = "1m"      # time until the swarm counts as stuck; a number is seconds

    [rates]             # limits of single peers, in place of `rate`
    1002 = 100_000

All of it is meant for the configuration's own file: a real one (`--file`) is handed out without.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import HarnessError
from peerio.program import quantities

Number = TypeVar("Number", int, float)
FILE_NAME = "swarm.toml"
TIMEOUT = 300.0


class _UnusableError(Exception):
    """What is wrong with a value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The launcher's settings; rates in bytes a second, time in seconds."""

    rate: int = 0
    timeout: float = TIMEOUT
    rates: dict[int, int] = field(default_factory=dict)

    def rate_of(self, peer_id: int) -> int:
        """The upload limit of one peer; 0 is none."""
        return self.rates.get(peer_id, self.rate)


def load(folder: Path) -> Settings:
    """The settings of the swarm in `folder`; HarnessError when they can't be used."""
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: can't be read: {error}") from error
    try:
        return _settings(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, _UnusableError) as error:
        raise HarnessError(f"{path}: {error}") from error


def _settings(table: dict[str, Any]) -> Settings:
    unknown = table.keys() - {"rate", "timeout", "rates"}
    if unknown:
        raise _UnusableError(f"unknown {', '.join(sorted(unknown))}: expected rate, timeout, rates")
    rates = table.get("rates", {})
    if not isinstance(rates, dict):
        raise _UnusableError("rates: expected a table [rates] with a line for each peer")
    return Settings(
        rate=_rate("rate", table.get("rate", 0)),
        timeout=_seconds("timeout", table.get("timeout", TIMEOUT)),
        rates={_peer_id(key): _rate(f"rates.{key}", value) for key, value in rates.items()},
    )


def _rate(key: str, value: object) -> int:
    if isinstance(value, str):
        return _read(quantities.rate, key, value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _UnusableError(f"{key} {value!r}: expected bytes a second, 0 for no limit")
    return value


def _seconds(key: str, value: object) -> float:
    if isinstance(value, str):
        value = _read(quantities.duration, key, value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise _UnusableError(f"{key} {value!r}: expected a positive number of seconds")
    return float(value)


def _read(reader: Callable[[str], Number], key: str, text: str) -> Number:
    try:
        return reader(text)
    except ValueError as error:
        raise _UnusableError(f"{key} {text!r}: {error}") from None


def _peer_id(key: str) -> int:
    if not key.isdecimal():
        raise _UnusableError(f"rates.{key}: expected a peer's id")
    return int(key)
