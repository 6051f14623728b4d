"""Archives of markup are measured before they are read, and nothing outside of them is followed."""

from __future__ import annotations

import io
import zipfile

import pytest
from documents import repacked
from office import odf, odf_sections, pptx, xlsx

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import odf as odf_format
from chatbot.knowledge.formats import pptx as pptx_format
from chatbot.knowledge.formats import xlsx as xlsx_format

OFFICE = [
    (xlsx_format.extract, xlsx({"Pumps": [["It pumps."]]}), "xl/worksheets/sheet1.xml"),
    (pptx_format.extract, pptx({"Pumps": "It pumps."}), "ppt/slides/slide1.xml"),
    (odf_format.extract, odf_sections("odt", {"Pumps": "It pumps."}), "content.xml"),
]
every_archive = pytest.mark.parametrize(("extract", "archive", "main"), OFFICE, ids=["xlsx", "pptx", "odt"])


@every_archive
def test_entities_are_refused_before_they_multiply(extract, archive: bytes, main: str) -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>'
    with pytest.raises(DocumentRefused, match="declares entities"):
        extract(repacked(archive, {main: bomb}))


@every_archive
def test_no_file_of_the_machine_is_read(extract, archive: bytes, main: str) -> None:
    thief = b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><a>&a;</a>'
    with pytest.raises(DocumentRefused, match="declares entities"):
        extract(repacked(archive, {main: thief}))


@every_archive
def test_too_many_elements_are_refused(extract, archive: bytes, main: str) -> None:
    with pytest.raises(DocumentRefused, match="elements of markup; split the document"):
        extract(repacked(archive, {main: b"<a>" + b"<b/>" * 1_000_001 + b"</a>"}))


@every_archive
def test_too_much_markup_is_refused(extract, archive: bytes, main: str) -> None:
    with pytest.raises(DocumentRefused, match="MiB of markup; split the document"):
        extract(repacked(archive, {main: b"<a>" + b"words " * (17 * 2**20) + b"</a>"}))


@every_archive
def test_too_deep_nesting_is_refused(extract, archive: bytes, main: str) -> None:
    with pytest.raises(DocumentRefused, match="nested more than 200 levels deep"):
        extract(repacked(archive, {main: b"<a>" * 5_000 + b"</a>" * 5_000}))


@every_archive
def test_a_main_part_that_is_no_markup_is_refused(extract, archive: bytes, main: str) -> None:
    with pytest.raises(DocumentRefused, match="^damaged "):
        extract(repacked(archive, {main: b"\x00\x01\x02"}))


@every_archive
def test_a_damaged_picture_does_not_matter(extract, archive: bytes, main: str) -> None:
    whole = repacked(archive, {"media/picture.png": b"\x89PNG" + bytes(5_000)})
    with zipfile.ZipFile(io.BytesIO(whole)) as opened:
        place = opened.getinfo("media/picture.png").header_offset
    broken = bytearray(whole)
    broken[place + 30 + len("media/picture.png") + 8] ^= 0xFF
    assert "It pumps." in extract(bytes(broken)).text


@every_archive
def test_an_encrypted_archive_says_so(extract, archive: bytes, main: str) -> None:
    locked = archive.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    locked = locked.replace(b"PK\x01\x02\x14\x03\x14\x00\x02", b"PK\x01\x02\x14\x03\x14\x00\x01")
    with zipfile.ZipFile(io.BytesIO(locked)) as opened:
        assert any(entry.flag_bits & 1 for entry in opened.infolist())
    with pytest.raises(DocumentRefused, match="encrypted: it needs a password"):
        extract(locked)


def test_an_encrypted_opendocument_file_says_so() -> None:
    manifest = "<manifest:manifest NAMESPACES><manifest:encryption-data/></manifest:manifest>"
    with pytest.raises(DocumentRefused, match="encrypted: it needs a password"):
        odf_format.extract(odf("odt", "<text:p>x</text:p>", parts={"META-INF/manifest.xml": manifest}))
