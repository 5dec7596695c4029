"""Every link in the documents leads somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.markdown import anchors, documents, links, name_of


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    """Each relative link of a document names a file that exists, and each anchor a heading of it."""
    for link in links(path.read_text(encoding="utf-8")):
        if link.startswith(("https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_anchors_are_those_of_the_web_page() -> None:
    """Headings become anchors as on the repository's web page: lower case, hyphens, numbered repeats."""
    text = "# One `code` & two\n```sh\n# no heading\n```\n## Same\n## Same\n"
    assert anchors(text) == {"one-code--two", "same", "same-1"}
