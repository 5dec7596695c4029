"""What a report shows of a trace's records."""

from __future__ import annotations

from pathlib import Path

from verifier.traces.quotes import records


def test_a_record_is_shown_with_its_time(tmp_path: Path) -> None:
    """A record that leaves its time out is shown with that of its turn, also across blocks; others as they are."""
    path = tmp_path / "trace_peer_1001.jsonl"
    zero, one = (f'"t_wall":"2026-01-01T00:00:0{second}+00:00"' for second in "01")
    first, second = f'{{"seq":0,{zero}}}', f'{{"seq":1,{one}}}'
    bare = '{"seq":9,"kind":"freed"}'
    path.write_text("\n".join([bare, first, bare, second, *[bare] * 100_000, "torn", ""]))
    assert records(path, {1, 2, 3, 100_004, 100_005}) == {
        1: bare,
        2: first,
        3: f'{{{zero},"seq":9,"kind":"freed"}}',
        100_004: f'{{{one},"seq":9,"kind":"freed"}}',
        100_005: "torn",
    }
