"""The report's colours, read from its style sheet: told apart by everybody, and readable."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations

import pytest

Color = tuple[float, float, float]
CHART = ("preferred", "optimistic", "unchoked", "downloads", "witness")
"""Those that stand beside each other in the timeline; the greys of connection and progress have rows of
their own."""
TEXTS = ("ink", "faint", "good", "bad", "unsure", "witness")
SIGHT: dict[str, list[Color]] = {
    "usual": [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
    "protanopia": [(0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)],
    "deuteranopia": [(0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)],
    "tritanopia": [(1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)],
}
"""How linear colours look to the colour-blind (Machado, Oliveira and Fernandes 2009, severity 1)."""
APART = 15.0
"""Distance in CIE Lab from which colours are told apart side by side at a glance (1 is just noticeable)."""


def themes() -> dict[str, dict[str, str]]:
    """The colours of the light and of the dark theme by name."""
    style = files("verifier.report.page").joinpath("report.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root[^{]*\{([^}]*)\}", style)[:2]
    return {
        name: dict(re.findall(r"--([\w-]+): (#\w{6});", text))
        for name, text in (("light", light), ("dark", dark))
    }


THEMES = themes()


def linear(color: str) -> Color:
    """A colour's linear parts, 0 to 1."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return red, green, blue


def seen(color: Color, matrix: list[Color]) -> Color:
    """A linear colour as somebody sees it."""
    red, green, blue = (
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, color, strict=True)))) for row in matrix
    )
    return red, green, blue


def lab(color: Color) -> Color:
    """A linear colour in CIE Lab (white D65)."""
    red, green, blue = color
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    a, b, c = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * b - 16, 500 * (a - b), 200 * (b - c)


def luminance(color: str) -> float:
    red, green, blue = linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", SIGHT)
def test_chart_colours_are_told_apart(theme: str, sight: str) -> None:
    """The timeline's colours differ for usual and for colour-blind eyes, from each other and from the paper."""
    colors = {name: THEMES[theme][name] for name in (*CHART, "paper")}
    shown = {name: lab(seen(linear(color), SIGHT[sight])) for name, color in colors.items()}
    for one, other in combinations(shown, 2):
        distance = sum((a - b) ** 2 for a, b in zip(shown[one], shown[other], strict=True)) ** 0.5
        assert distance > APART, (one, other, round(distance, 1))


@pytest.mark.parametrize("theme", THEMES)
def test_texts_can_be_read(theme: str) -> None:
    """Every colour that text is written in has a contrast of 4.5 to the paper (WCAG 2, level AA)."""
    paper = luminance(THEMES[theme]["paper"])
    for name in (*TEXTS, *(f"line-{number}" for number in range(1, 9))):
        bright, dim = sorted((luminance(THEMES[theme][name]), paper), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, name


@pytest.mark.parametrize("theme", THEMES)
def test_numbers_on_the_heat_map_can_be_read(theme: str) -> None:
    """Numbers have a contrast of 4.5 on every colour of the heat map, whose ends are told apart at a glance."""
    colors = THEMES[theme]
    ink, *ends = (luminance(colors[name]) for name in ("ink", "shade", "deep"))
    for ground in ends:  # what is between has a luminance between them
        bright, dim = sorted((ink, ground), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5
    shade, deep = (lab(linear(colors[name])) for name in ("shade", "deep"))
    assert sum((a - b) ** 2 for a, b in zip(shade, deep, strict=True)) ** 0.5 > 2 * APART


def test_themes_name_the_same_colours() -> None:
    """Both themes define every colour, so that none is left over from the other."""
    assert THEMES["light"].keys() == THEMES["dark"].keys()
