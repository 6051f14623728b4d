"""Days out of dates as documents write them."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from documents import pdf

from chatbot.knowledge.formats.dates import day, first_day, of_clock
from chatbot.knowledge.reading import reader


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-03-01", "2024-03-01"),
        ("2024-03-01T23:59:00Z", "2024-03-01"),
        ("2024/03/01", "2024-03-01"),
        ("20240301", "2024-03-01"),
        ("D:20240301120000+01'00'", "2024-03-01"),
        ("D:20240301", "2024-03-01"),
        ("Fri, 01 Mar 2024 10:00:00 GMT", "2024-03-01"),
        ("1 Mar 2024 10:00:00 -0800", "2024-03-01"),
        ("", ""),
        (None, ""),
        ("last week", ""),
        ("2024-13-45", ""),
        ("1601-01-01T00:00:00Z", ""),
        ("9999-12-31", ""),
        ("Thu, 99 Foo 20240 25:61:61", ""),
        ("2" * 5000, ""),
    ],
)
def test_a_day(written: str | None, expected: str) -> None:
    assert day(written) == expected


def test_no_document_is_of_the_future() -> None:
    today = datetime.now(UTC)
    assert day(today.isoformat()) == today.date().isoformat()
    assert day((today + timedelta(days=3)).isoformat()) == ""


def test_the_first_that_can_be_read() -> None:
    assert first_day([None, "soon", "2021-02-03", "2022-02-03"]) == "2021-02-03"
    assert first_day([]) == ""


def test_a_clock() -> None:
    assert of_clock(datetime(2023, 5, 6, 23, tzinfo=UTC).timestamp()) == "2023-05-06"
    assert of_clock(0) == ""
    assert of_clock(1e20) == ""


def test_a_page_prefers_the_day_it_was_changed() -> None:
    made = '<meta property="article:published_time" content="2020-01-02T00:00:00+00:00">'
    changed = '<meta property="article:modified_time" content="2021-03-04T00:00:00+00:00">'
    assert reader.read("page.html", f"<head>{made}</head><body>Hello there".encode()).date == "2020-01-02"
    assert reader.read("page.html", f"<head>{made}{changed}</head><body>Hello there".encode()).date == "2021-03-04"
    assert reader.read("page.html", b"<body>Hello there").date == ""


def test_front_matter() -> None:
    assert reader.read("a.md", b"---\ntitle: Fees\ndate: 2020-01-02\nlastmod: '2022-05-06'\n---\n\n# Fees\n").date == "2022-05-06"
    assert reader.read("a.md", b"# Fees\n\ndate: 2020-01-02\n").date == ""


def test_a_pdf() -> None:
    assert reader.read("a.pdf", pdf([["The fee is 25 euros."]])).date == "2000-01-01"  # as reportlab dates it


def test_mail() -> None:
    mail = b"From: a@example.com\nDate: Fri, 01 Mar 2024 10:00:00 +0000\nSubject: Fees\n\nThey rise.\n"
    assert reader.read("a.eml", mail).date == "2024-03-01"


def test_properties_of_an_office_document() -> None:
    packed = io.BytesIO()
    relation = "http://schemas.openxmlformats.org"
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{relation}/package/2006/relationships">'
        f'<Relationship Id="1" Type="{relation}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
        f'<Relationship Id="2" Type="{relation}/package/2006/relationships/metadata/core-properties" Target="core.xml"/>'
        "</Relationships>",
        "core.xml": "<coreProperties><created>2020-01-02T00:00:00Z</created>"
        "<modified>2021-03-04T05:06:07Z</modified></coreProperties>",
        "word/document.xml": "<document><body><p><r><t>The fee is 25 euros.</t></r></p></body></document>",
    }
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    assert reader.read("a.docx", packed.getvalue()).date == "2021-03-04"
