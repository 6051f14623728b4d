"""Another package's format is told by its suffix, for its type is not known here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import write

from chatbot import registry
from chatbot.errors import DocumentRefused
from chatbot.knowledge.fetching import media_types


@pytest.fixture
def epub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody else's package with a format for `.epub` files."""
    declared = "[chatbot.formats]\nepub = epub_format:extract\n"
    write(
        tmp_path / "site",
        {"epub-1.dist-info/METADATA": "Name: epub\nVersion: 1\n", "epub-1.dist-info/entry_points.txt": declared},
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    registry._parts.cache_clear()
    yield
    registry._parts.cache_clear()


@pytest.mark.usefixtures("epub")
@pytest.mark.parametrize("kind", ["application/epub+zip", "application/octet-stream", ""])
def test_a_format_of_somebody_else_is_told_by_its_suffix(kind: str) -> None:
    assert media_types.suffix(kind, "/book.epub") == "epub"


@pytest.mark.usefixtures("epub")
def test_a_type_that_is_known_is_believed_over_any_suffix() -> None:
    assert media_types.suffix("text/html", "/book.epub") == "html"


def test_without_that_format_it_is_refused() -> None:
    with pytest.raises(DocumentRefused, match=r"'application/x-dvi', which no format reads"):
        media_types.suffix("application/x-dvi", "/book.dvi")
