"""The cases, one file a family or two; importing this registers them all."""

from probe.cases import (  # noqa: F401 -- for what importing them registers
    choking,
    connections,
    ending,
    frames,
    interest,
    logs,
    serving,
    start,
)
