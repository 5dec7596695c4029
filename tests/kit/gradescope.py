"""The schema of Gradescope's results.json, from its documentation of autograders, as a check of values."""

from __future__ import annotations

from typing import Any

VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}
FORMATS = {"text", "html", "simple_format", "md", "ansi"}
TOP = {
    "score": (int, float),
    "execution_time": (int, float),
    "output": str,
    "output_format": FORMATS,
    "test_output_format": FORMATS,
    "test_name_format": FORMATS,
    "visibility": VISIBILITIES,
    "stdout_visibility": VISIBILITIES,
    "extra_data": dict,
    "tests": list,
    "leaderboard": list,
}
TEST = {
    "score": (int, float),
    "max_score": (int, float),
    "status": {"passed", "failed"},
    "name": str,
    "name_format": FORMATS,
    "number": str,
    "output": str,
    "output_format": FORMATS,
    "tags": list,
    "visibility": VISIBILITIES,
    "extra_data": dict,
}
"""The keys of the whole and of a test: types, or the texts that may stand there. All are optional, but a
score must stand at the top or in each test."""


def problems(document: Any) -> list[str]:
    """What Gradescope wouldn't take."""
    found = _wrong(document, TOP, "")
    tests = document.get("tests", [])
    for number, test in enumerate(tests):
        found += _wrong(test, TEST, f"tests/{number}/")
    if "score" not in document and not all("score" in test for test in tests):
        found.append("neither a score nor one of each test")
    return found


def _wrong(table: dict[str, Any], schema: dict[str, Any], where: str) -> list[str]:
    found = [f"{where}{key}: unknown" for key in table if key not in schema]
    for key, expected in schema.items():
        if key in table:
            value = table[key]
            good = value in expected if isinstance(expected, set) else isinstance(value, expected)
            if not good or isinstance(value, bool):
                found.append(f"{where}{key}: {value!r}")
    return found
