"""The sessions; importing this registers them all."""

from probe.sessions import (  # noqa: F401 -- for what importing them registers
    choking,
    contact,
    leeching,
    odd,
    seeding,
    transfer,
)
