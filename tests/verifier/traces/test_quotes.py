"""What a report shows of a trace's records."""

from __future__ import annotations

from pathlib import Path

from verifier.traces.quotes import records


def test_a_record_is_shown_with_its_time(tmp_path: Path) -> None:
    """A record that leaves its time out is shown with that of its turn, also across blocks; others as they are."""
    path = tmp_path / "trace_peer_1001.jsonl"
    first, second = ('{"seq":%d,"t_wall":"2026-01-01T00:00:0%d+00:00"}' % (n, n) for n in (0, 1))
    bare = '{"seq":9,"kind":"freed"}'
    path.write_text("\n".join([bare, first, bare, second, *[bare] * 100_000, "torn", ""]))
    timed = '{"t_wall":"2026-01-01T00:00:0%d+00:00","seq":9,"kind":"freed"}'
    assert records(path, {1, 2, 3, 100_004, 100_005}) == {
        1: bare,
        2: first,
        3: timed % 0,
        100_004: timed % 1,
        100_005: "torn",
    }
