"""XML: records keep their fields' names, prose stays prose, and no entity is ever followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import xml


def test_flat_records_are_rows_that_keep_their_names() -> None:
    document = xml.extract(
        b'<parts><part id="4"><name>Valve</name><bar unit="bar">7</bar></part><part><name>Pump</name></part></parts>'
    )
    assert document.text == "- id: 4; name: Valve; bar: 7 (unit: bar)\n- name: Pump\n"


def test_values_in_attributes_are_read() -> None:
    assert xml.extract(b'<parts><part name="Valve" bar="7"/></parts>').text == "- part name: Valve; part bar: 7\n"


def test_titles_of_sections_are_headings_with_their_level() -> None:
    document = xml.extract(
        b"<book><title>Manual</title><chapter><title>Boiler</title><para>It is <b>hot</b>.</para>"
        b"<section><title>Valve</title><para>It opens.</para></section></chapter></book>"
    )
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "Manual"), (2, "Boiler"), (3, "Valve")]
    assert document.text == "Manual\n\nBoiler\n\nIt is hot.\n\nValve\n\nIt opens.\n\n"


def test_html_that_a_feed_carries_is_read_as_such() -> None:
    feed = b"<rss><item><title>One</title><description><![CDATA[<p>Hot <b>water</b></p>]]></description></item></rss>"
    assert xml.extract(feed).text == "- title: One; description: Hot water\n"


def test_xhtml_is_read_as_a_page() -> None:
    document = xml.extract(b'<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>Boiler</h1><p>Hot.</p></body></html>')
    assert [heading.text for heading in document.headings] == ["Boiler"]


@pytest.mark.parametrize(
    "raw",
    [
        '<?xml version="1.0" encoding="ISO-8859-1"?><a><b>größer</b></a>'.encode("latin-1"),
        '<?xml version="1.0" encoding="windows-1251"?><a><b>größer</b></a>'.replace("größer", "Договор").encode("cp1251"),
        '<?xml version="1.0" encoding="UTF-8"?><a><b>größer</b></a>'.encode("utf-16"),
        '<?xml version="1.0" encoding="UTF-16"?><a><b>größer</b></a>'.encode("utf-16-le"),
    ],
)
def test_the_encoding_is_as_declared_or_as_the_bytes_say(raw: bytes) -> None:
    assert xml.extract(raw).text in {"- b: größer\n", "- b: Договор\n"}


def test_the_characters_that_html_names_are_known() -> None:
    assert xml.extract(b'<!DOCTYPE a SYSTEM "a.dtd"><a><b>7&nbsp;bar &amp; more</b></a>').text == "- b: 7 bar & more\n"


@pytest.mark.parametrize("value", ['"aaa"', 'SYSTEM "file://{secret}"', 'PUBLIC "x" "http://localhost:1/x"'])
def test_entities_are_refused_whatever_they_stand_for(value: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the password")
    with pytest.raises(DocumentRefused, match="declares entities"):
        xml.extract(f"<!DOCTYPE a [<!ENTITY e {value.format(secret=secret)}>]><a>&e;</a>".encode())


def test_a_file_cut_short_is_read_as_far_as_it_goes() -> None:
    document = xml.extract(b"<parts><part><name>Valve</name></part><part><na")
    assert document.text == "- name: Valve\n"
    assert document.missing.startswith("what follows where the XML is damaged")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"no markup", "damaged XML"),
        (b"<a>" * 200, "nested more than 100 levels"),
        (b"<a>" + b"<b/>" * 300_001 + b"</a>", "more than 300,000 elements"),
    ],
)
def test_what_cannot_be_read_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(DocumentRefused, match=reason):
        xml.extract(raw)


def test_names_that_would_make_a_small_file_a_large_text_are_bounded_and_said() -> None:
    name = "n" * 10_000
    document = xml.extract((f"<a><{name}><b>x</b></{name}>" + f"<r><b {name}='1'/></r>" * 2_000 + "</a>").encode())
    assert len(document.text) < 9_000_000
    assert document.missing.startswith("what follows the first")
