"""Files are looked at before they are believed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import docx, pdf, write

from chatbot import registry
from chatbot.errors import DocumentRefused, FormatFailed
from chatbot.knowledge.reading import reader


@pytest.mark.parametrize("name", ["a.md", "A.MD", "b.tar.html", "c.Pdf", "d.docx", "e.txt"])
def test_the_suffix_decides_whether_a_file_is_read(name: str) -> None:
    assert reader.supported(name)


@pytest.mark.parametrize("name", ["a.mp4", "b.mov", "md", ".md", "noext", "c.md.bak"])
def test_other_files_are_not_read(name: str) -> None:
    assert not reader.supported(name)
    with pytest.raises(DocumentRefused, match="not read"):
        reader.read(name, b"text")


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("a.txt", pdf([["x"]]), "named .txt, but its content looks like pdf; give it its right name"),
        ("a.md", docx({"A": "b"}), "named .md, but its content looks like docx"),
        ("a.pdf", b"just some text", "named .pdf, but its content is not"),
        ("a.pdf", docx({"A": "b"}), "named .pdf, but its content looks like docx"),
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


@pytest.fixture
def plugged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody else's package with formats of its own, among them broken ones."""
    write(
        tmp_path / "site",
        {
            "odd.py": """
from chatbot.knowledge.formats.extracted import Extracted
def raises(raw): raise KeyError("no such thing " + "x" * 1000)
def returns_a_word(raw): return "words"
def returns_what_cannot_be_stored(raw): return Extracted(title="t", text="half a pair: \\ud800")
""",
            "odd-1.dist-info/METADATA": "Name: odd\nVersion: 1\n",
            "odd-1.dist-info/entry_points.txt": """[chatbot.formats]
raises = odd:raises
word = odd:returns_a_word
half = odd:returns_what_cannot_be_stored
gone = odd:is_not_there
""",
        },
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    registry._parts.cache_clear()
    yield
    registry._parts.cache_clear()


@pytest.mark.usefixtures("plugged_in")
@pytest.mark.parametrize(
    ("suffix", "reason"),
    [
        ("raises", "KeyError: 'no such thing x+$"),
        ("word", "TypeError: it returned str, not Extracted"),
        ("half", "UnicodeEncodeError: "),
        ("gone", "AttributeError: "),
    ],
)
def test_a_format_that_breaks_is_named_with_its_reason(suffix: str, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(FormatFailed, match=f"^the .{suffix} reader failed: {reason}") as error:
        reader.read(f"a.{suffix}", b"words")
    assert len(str(error.value)) <= 200
    assert "Traceback" in caplog.text
