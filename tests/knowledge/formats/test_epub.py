"""Books: chapters in the spine's order under the names of the book's own contents."""

from __future__ import annotations

import pytest
from books import epub, point

from chatbot.errors import DocumentRefused
from chatbot.knowledge.reading import reader


def headings(raw: bytes) -> list[tuple[int, str]]:
    return [(heading.level, heading.text) for heading in reader.read("a.epub", raw).headings]


def test_chapters_come_in_the_order_of_the_spine() -> None:
    raw = epub({"b.xhtml": "<h1>Pump</h1><p>It runs.</p>", "a.xhtml": "<h1>Boiler</h1><p>Hot.</p>"}, order=["a.xhtml", "b.xhtml"])
    document = reader.read("a.epub", raw)
    assert document.text == "Boiler\n\nHot.\n\nPump\n\nIt runs.\n\n"
    assert document.title == "The manual"


def test_the_contents_name_chapters_and_say_how_deep_they_lie() -> None:
    raw = epub(
        {"part.xhtml": "<p>All of it.</p>", "one.xhtml": "<h1>Valve</h1><h2>Spring</h2><p>x</p>"},
        point("Boiler", "part.xhtml", point("VALVE", "one.xhtml#start")),
    )
    assert headings(raw) == [(1, "Boiler"), (2, "Valve"), (3, "Spring")]


def test_the_contents_of_version_3_are_read() -> None:
    nav = '<html xmlns:epub="e"><nav epub:type="toc"><ol><li><a href="b.xhtml">Boiler</a></li></ol></nav></html>'
    raw = epub({"b.xhtml": "<p>Hot.</p>"}, others={"OPS/nav.xhtml": nav, "OPS/book.opf": PACKAGE})
    assert headings(raw) == [(1, "Boiler")]


PACKAGE = (
    '<package><manifest><item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    '<item id="b" href="b.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="b"/></spine></package>'
)


def test_encrypted_chapters_are_named() -> None:
    lock = '<encryption><CipherReference URI="OPS/b.xhtml"/></encryption>'
    raw = epub({"a.xhtml": "<p>Hot.</p>", "b.xhtml": "<p>x</p>"}, others={"META-INF/encryption.xml": lock})
    assert reader.read("a.epub", raw).missing == "not read: b.xhtml (it is encrypted)"


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ({"META-INF/container.xml": "<container/>"}, "does not say where its contents stand"),
        ({"OPS/book.opf": "<package>"}, "damaged book"),
        ({"OPS/book.opf": '<!DOCTYPE p [<!ENTITY e SYSTEM "file:///etc/passwd">]><package>&e;</package>'}, "declares entities"),
        ({"OPS/book.opf": "<package/>"}, "there is no chapter"),
        ({"OPS/a.xhtml": bytes(30 * 2**20)}, "more than 200 times its size"),
    ],
)
def test_what_cannot_be_read_is_refused(others: dict[str, str | bytes], reason: str) -> None:
    with pytest.raises(DocumentRefused, match=reason):
        reader.read("a.epub", epub({"a.xhtml": "<p>Hot.</p>"}, others=others))
