"""What a file is shows in its bytes."""

from __future__ import annotations

import pytest
from documents import docx, pdf, repacked
from office import ODF_TYPES, odf_sections, pptx, rtf, xls, xlsx
from word97 import doc, ole

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.kind import kind
from chatbot.knowledge.reading import reader

FILES = {
    "docx": docx({"A": "b"}),
    "xlsx": xlsx({"A": [["b"]]}),
    "pptx": pptx({"A": "b"}),
    "xls": xls({"A": [["b"]]}),
    "doc": doc([("b\r", 0, b"")]),
    "rtf": rtf("b"),
    "pdf": pdf([["A"]]),
    **{suffix: odf_sections(suffix, {"A": "b"}) for suffix in ODF_TYPES},
}


@pytest.mark.parametrize("suffix", FILES)
def test_every_kind_is_told_from_the_others(suffix: str) -> None:
    assert kind(FILES[suffix]) == suffix


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"just words", None),
        (repacked(FILES["docx"], {"word/document.xml": b"x"})[:-30], "zip"),
        (ole({"Other": b"x"}), "ole"),
        (ole({"EncryptedPackage": b"x"}), "encrypted"),
        (ole({"PowerPoint Document": b"x"}), "ppt"),
        (FILES["doc"][:600], "ole"),
    ],
)
def test_what_cannot_be_told_is_named_by_what_holds_it(raw: bytes, found: str | None) -> None:
    assert kind(raw) == found


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("a.xlsx", FILES["docx"], "named .xlsx, but its content looks like docx; give it its right name"),
        ("a.doc", FILES["rtf"], "named .doc, but its content looks like rtf"),
        ("a.xls", FILES["xlsx"], "named .xls, but its content looks like xlsx"),
        ("a.odt", FILES["ods"], "named .odt, but its content looks like ods"),
        ("a.docx", FILES["doc"], "named .docx, but its content looks like doc"),
        ("a.pptx", ole({"EncryptedPackage": b"x"}), "^encrypted: it needs a password"),
        ("a.xls", b"just words", "named .xls, but its content is not"),
    ],
)
def test_a_wrong_name_is_refused_with_the_right_one(name: str, raw: bytes, reason: str) -> None:
    with pytest.raises(DocumentRefused, match=reason):
        reader.read(name, raw)
