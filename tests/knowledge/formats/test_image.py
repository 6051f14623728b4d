"""Pictures and scanned pages: their words with the extra `ocr`, its name without; a large one is bounded."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from documents import pdf, scan, scanned_pdf
from PIL import Image

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import image, ocr
from chatbot.knowledge.formats import pdf as pdf_format
from chatbot.knowledge.formats.kind import kind
from chatbot.knowledge.reading.sandbox import Sandbox

LINES = ["The valve opens at seven bar.", "The pump moves thirty litres."]
KINDS = ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"]

with_ocr = pytest.mark.skipif(not ocr.available(), reason="the extra ocr is not installed")


@pytest.fixture
def without_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra were not installed."""
    monkeypatch.setattr(ocr, "tesserocr", None)


@with_ocr
@pytest.mark.parametrize("name", KINDS)
def test_the_words_of_a_picture_are_read(name: str) -> None:
    document = image.extract(scan(LINES, name))
    assert " ".join(document.text.split()) == " ".join(LINES)
    assert document.missing == "read from a picture by OCR (eng), so words may be wrong"


@with_ocr
def test_a_picture_of_a_screen_is_enlarged_and_one_with_holes_laid_on_white() -> None:
    with Image.open(io.BytesIO(scan(LINES))) as large:
        small = large.resize((large.width // 2, large.height // 2)).convert("L")
    clear = Image.new("RGBA", small.size, (0, 0, 0, 0))
    clear.putalpha(small.point([255 - value for value in range(256)]))
    buffer = io.BytesIO()
    clear.save(buffer, "PNG")
    assert "seven bar" in image.extract(buffer.getvalue()).text


@with_ocr
def test_the_pages_of_a_tiff_are_pages() -> None:
    pages = [Image.open(io.BytesIO(scan([line]))) for line in LINES]
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    document = image.extract(buffer.getvalue())
    assert len(document.page_starts) == 2
    assert document.text[document.page_starts[1] :].strip() == LINES[1]


@with_ocr
def test_pages_without_text_are_read_from_their_pictures_and_named() -> None:
    document = pdf_format.extract(scanned_pdf([LINES, LINES[:1]]))
    assert document.text.count("seven bar") == 2
    assert document.missing.startswith("pages 1-2 read from a picture by OCR")


@with_ocr
def test_the_sandbox_can_read_pictures() -> None:
    with Sandbox() as sandbox:
        assert "seven bar" in sandbox.read("a.pdf", scanned_pdf([LINES])).text


@with_ocr
def test_pages_that_take_too_long_are_left_out_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "CPU_SECONDS", 0.0)
    with pytest.raises(DocumentRefused, match="page 1 not read: pictures, and reading pictures took more than 0 s"):
        pdf_format.extract(scanned_pdf([LINES]))


def test_without_the_extra_a_picture_is_refused_with_its_name(without_ocr: None) -> None:
    with pytest.raises(DocumentRefused, match=r"it is a picture; pip install 'chatbot\[ocr\]' reads"):
        image.extract(scan(LINES))


def test_without_the_extra_a_scan_is_refused_with_its_name(without_ocr: None) -> None:
    with pytest.raises(DocumentRefused, match=r"no page has text: pages 1-2 not read: pictures; pip install 'chatbot\[ocr\]'"):
        pdf_format.extract(scanned_pdf([LINES, LINES]))


@with_ocr
@pytest.mark.parametrize("raw", [b"", b"\x89PNG\r\n\x1a\n", scan(LINES)[:200], scan(LINES, "JPEG")[:90], b"GIF89a" + bytes(50)])
def test_a_damaged_picture_is_refused(raw: bytes) -> None:
    with pytest.raises(DocumentRefused, match="damaged picture"):
        image.extract(raw)


@with_ocr
def test_a_picture_of_a_billion_pixels_is_refused_unread() -> None:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    raw = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    with pytest.raises(DocumentRefused, match="make it smaller"):
        image.extract(b"\x89PNG\r\n\x1a\n" + raw)


@with_ocr
def test_a_picture_without_words_is_refused() -> None:
    with Sandbox() as sandbox, pytest.raises(DocumentRefused, match="no text in it|files of type"):
        sandbox.read("a.png", scan([]))


@pytest.mark.parametrize(
    ("name", "suffix"), [("PNG", "png"), ("JPEG", "jpg"), ("TIFF", "tiff"), ("WEBP", "webp"), ("BMP", "bmp"), ("GIF", "gif")]
)
def test_pictures_are_told_by_their_first_bytes(name: str, suffix: str) -> None:
    assert kind(scan(LINES, name)) == suffix


def test_words_that_begin_like_a_picture_are_text() -> None:
    assert kind(b"BMI is a ratio of weight and height") is None


def test_pages_with_text_are_not_read_as_pictures() -> None:
    assert pdf_format.extract(pdf([["The valve opens at seven bar."]])).missing == ""
