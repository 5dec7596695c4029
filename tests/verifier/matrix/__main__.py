"""`python -m tests.verifier.matrix`: run all mutants and write `kill_matrix.md` anew."""

from __future__ import annotations

from pathlib import Path

from tests.verifier.matrix.running import judge_all, render

if __name__ == "__main__":
    (Path(__file__).parent / "kill_matrix.md").write_text(render(judge_all()), encoding="utf-8")
