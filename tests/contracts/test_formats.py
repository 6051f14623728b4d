"""What every registered format owes: text with its headings inside, exact spans after splitting, a reason when it refuses."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import json
import random
from functools import cache, partial

import pytest
from books import epub, msg, zipped
from documents import docx, pdf
from office import ODF_TYPES, odf_sections, pptx, rtf, rtf_text, xls, xlsx
from word97 import HEADING_1, NORMAL, doc

from chatbot import registry
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.reading import reader
from chatbot.knowledge.reading.splitter import Splitter

PICTURES = {"png", "jpg", "jpeg", "tif", "tiff", "webp", "bmp", "gif"}
"""Words on these are recognized, not read: see test_image."""
FORMATS = [name for name in registry.names("chatbot.formats") if name not in PICTURES]

HEADINGS = {"The boiler": "The boiler’s naïve valve opens at 7 bar. ", "The pump": "A pump 🙂 moves 30 litres a minute. "}
PARAGRAPHS = {heading: sentence * 12 for heading, sentence in HEADINGS.items()}


OFFICE = {
    "pptx": lambda: pptx(PARAGRAPHS),
    "xlsx": lambda: xlsx({heading: [[text]] for heading, text in PARAGRAPHS.items()}),
    "xls": lambda: xls({heading: [[text]] for heading, text in PARAGRAPHS.items()}),
    "rtf": lambda: rtf("".join(rf"{{\pard\s1 {a}\par}}{{\pard {rtf_text(b)}\par}}" for a, b in PARAGRAPHS.items())),
    "doc": lambda: doc([part for a, b in PARAGRAPHS.items() for part in ((a + "\r", HEADING_1, b""), (b + "\r", NORMAL, b""))]),
    **{suffix: partial(odf_sections, suffix, PARAGRAPHS) for suffix in ODF_TYPES},
}


@cache
def sample(suffix: str) -> bytes:
    """The same two sections in each format."""
    if suffix == "pdf":
        return pdf([[heading, *[text.replace(" 🙂", "").replace("’", "'")] * 3] for heading, text in HEADINGS.items()])
    if suffix == "docx":
        return docx(PARAGRAPHS)
    if suffix in {"html", "htm"}:
        listed = "<ul><li>one item</li><li>another</li></ul>"
        return "".join(f"<h1>{heading}</h1><p>{text}</p>{listed}" for heading, text in PARAGRAPHS.items()).encode()
    if suffix in OFFICE:
        return OFFICE[suffix]()
    if suffix in TEXTUAL:
        return textual(suffix)
    mark = "# " if suffix in {"md", "markdown"} else ""
    return "\n\n".join(f"{mark}{heading}\n\n{text}\n\n- one item\n- another" for heading, text in PARAGRAPHS.items()).encode()


TEXTUAL = {"csv", "tsv", "json", "jsonl", "ndjson", "xml", "rst", "epub", "eml", "msg", "zip", "gz", "bz2"}
WITHOUT_HEADINGS = {"txt", "text", "csv", "tsv", "json", "jsonl", "ndjson"}


def textual(suffix: str) -> bytes:
    """The two sections as data, mail, a book or an archive."""
    markup = "".join(f"<h1>{heading}</h1><p>{text}</p>" for heading, text in PARAGRAPHS.items())
    rows = [{"part": heading, "note": text} for heading, text in PARAGRAPHS.items()]
    sections = "".join(f"<part><title>{heading}</title><p>{text}</p></part>" for heading, text in PARAGRAPHS.items())
    underlined = "\n\n".join(f"{heading}\n{'=' * 12}\n\n{text}" for heading, text in PARAGRAPHS.items())
    mail = "From: ann@example.org\nSubject: Parts\nContent-Type: text/html; charset=utf-8\n\n"
    delimiter = "\t" if suffix == "tsv" else ";"
    written = {
        "json": lambda: json.dumps(rows, ensure_ascii=False).encode(),
        "rst": underlined.encode,
        "xml": f"<parts>{sections}</parts>".encode,
        "eml": (mail + markup).encode,
        "msg": lambda: msg({"0037001F": "Parts", "10130102": markup.encode()}),
        "epub": lambda: epub(
            {f"{n}.xhtml": f"<h1>{heading}</h1><p>{text}</p>" for n, (heading, text) in enumerate(PARAGRAPHS.items())}
        ),
        "zip": lambda: zipped({"parts.html": markup}),
        "gz": lambda: gzip.compress(f"<html>{markup}".encode(), mtime=0),
        "bz2": lambda: bz2.compress(f"<html>{markup}".encode()),
    }
    if suffix in {"csv", "tsv"}:
        return "\n".join(delimiter.join(row) for row in [("Part", "Note"), *PARAGRAPHS.items()]).encode()
    if suffix in {"jsonl", "ndjson"}:
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    return written[suffix]()


@pytest.fixture(params=FORMATS)
def suffix(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def extracted(suffix: str) -> Extracted:
    return read(suffix)


@cache
def read(suffix: str) -> Extracted:
    return reader.read(f"sample.{suffix}", sample(suffix))


def test_all_the_words_are_in_the_text(extracted: Extracted) -> None:
    for word in ["boiler", "naïve", "valve", "7 bar", "pump", "30 litres"]:
        assert word in extracted.text


def test_headings_stand_in_the_text_where_they_say(extracted: Extracted, suffix: str) -> None:
    for heading in extracted.headings:
        assert extracted.text[heading.start :].startswith(f"{heading.text}\n")
    if suffix not in WITHOUT_HEADINGS:  # containers have headings of their own around those of the document
        assert [heading.text for heading in extracted.headings if heading.text in HEADINGS] == list(HEADINGS)


def test_headings_come_in_order_and_at_a_level(extracted: Extracted) -> None:
    starts = [heading.start for heading in extracted.headings]
    assert starts == sorted(set(starts))
    assert all(1 <= heading.level <= 6 for heading in extracted.headings)


@pytest.mark.parametrize(("least", "most"), [(8, 16), (40, 100), (100, 230)])
def test_every_chunk_is_exactly_its_span(extracted: Extracted, encoder: BiEncoder, least: int, most: int) -> None:
    chunks = Splitter(encoder.tokenizer_file, least, most, encoder.card.max_tokens).split("d", extracted)
    assert chunks
    for chunk in chunks:
        assert extracted.text[chunk.start : chunk.end] == chunk.text == chunk.text.strip()


def test_chunks_and_headings_hold_every_word(extracted: Extracted, encoder: BiEncoder) -> None:
    chunks = Splitter(encoder.tokenizer_file, 8, 16, encoder.card.max_tokens).split("d", extracted)
    held = " ".join([*(chunk.text for chunk in chunks), *(text for chunk in chunks for text in chunk.heading_path)]).split()
    assert set(extracted.text.split()) <= set(held)


def test_the_text_can_be_stored_and_shown(extracted: Extracted) -> None:
    assert "\x00" not in extracted.text
    assert extracted.text.encode("utf-8").decode("utf-8") == extracted.text
    assert extracted.title


def test_reading_twice_gives_the_same(suffix: str, extracted: Extracted) -> None:
    assert reader.read(f"sample.{suffix}", sample(suffix)) == extracted


@pytest.mark.parametrize("nothing", [b"", b" \n\t\r\n ", b"\xef\xbb\xbf \n"])
def test_an_empty_file_is_refused(suffix: str, nothing: bytes) -> None:
    with pytest.raises(DocumentRefused):
        reader.read(f"sample.{suffix}", nothing)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("magic", [b"", b"%PDF-1.7\n", b"PK\x03\x04"])
def test_noise_is_refused(suffix: str, seed: int, magic: bytes) -> None:
    noise = magic + random.Random(seed).randbytes(64 + 1500 * seed)
    with pytest.raises(DocumentRefused):
        reader.read(f"sample.{suffix}", noise)


def test_a_file_cut_short_is_read_or_refused_but_never_crashes(suffix: str) -> None:
    whole = sample(suffix)
    for length in range(1, len(whole), max(1, len(whole) // 25)):
        with contextlib.suppress(DocumentRefused):
            assert reader.read(f"sample.{suffix}", whole[:length]).text.strip()


def test_a_damaged_file_is_read_or_refused_but_never_crashes(suffix: str) -> None:
    generator = random.Random(suffix)
    for _ in range(6):
        damaged = bytearray(sample(suffix))
        for _ in range(generator.randint(1, 6)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        with contextlib.suppress(DocumentRefused):
            assert reader.read(f"sample.{suffix}", bytes(damaged)).text.strip()
