"""Files are looked at before they are believed."""

from __future__ import annotations

from pathlib import Path

import pytest
from documents import docx, pdf

from chatbot.errors import DocumentRefused
from chatbot.knowledge import reader


@pytest.mark.parametrize("name", ["a.md", "A.MD", "b.tar.html", "c.Pdf", "d.docx", "e.txt"])
def test_the_suffix_decides_whether_a_file_is_read(name: str) -> None:
    assert reader.supported(name)


@pytest.mark.parametrize("name", ["a.xlsx", "b.png", "md", ".md", "noext", "c.md.bak"])
def test_other_files_are_not_read(name: str) -> None:
    assert not reader.supported(name)
    with pytest.raises(DocumentRefused, match="not read"):
        reader.read(name, b"text")


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("a.txt", pdf([["x"]]), "named .txt, but its content looks like pdf; give it its right name"),
        ("a.md", docx({"A": "b"}), "named .md, but its content looks like zip"),
        ("a.pdf", b"just some text", "named .pdf, but its content is not"),
        ("a.pdf", docx({"A": "b"}), "named .pdf, but its content looks like zip"),
        ("a.docx", pdf([["x"]]), "named .docx, but its content looks like pdf"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 100, r"encrypted, or in the old .doc format"),
        ("a.html", b"\x89PNG\r\n\x1a\n" + b"x" * 100, "content looks like png"),
        ("a.txt", b"\x7fELF" + b"x" * 100, "content looks like program"),
    ],
)
def test_a_wrong_name_is_refused(name: str, raw: bytes, reason: str) -> None:
    with pytest.raises(DocumentRefused, match=reason):
        reader.read(name, raw)


def test_a_pdf_may_begin_with_something_else() -> None:
    assert reader.read("a.pdf", b"\n\n" + pdf([["Boiler", "Seven bar."]])).text


def test_a_file_without_words_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="there is no text in it"):
        reader.read("a.html", b"<html><body><img src=x></body></html>")


def test_a_file_that_names_no_title_is_named_after_its_file() -> None:
    assert reader.read("guides/how-to_begin.txt", b"Text").title == "how to begin"


def test_a_file_above_the_limit_is_refused_without_being_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as file:
        file.truncate(2**40)  # a hole: it takes no space, and reading it would take all memory
    with pytest.raises(DocumentRefused, match="1048576 MiB; the limit is 50 MiB"):
        reader.load("huge.txt", huge)


def test_a_file_that_is_gone_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        reader.load("gone.txt", tmp_path / "gone.txt")
