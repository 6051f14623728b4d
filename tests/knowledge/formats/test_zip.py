"""Archives: each file that a format reads is a section, the others are named, and nothing hostile is unpacked."""

from __future__ import annotations

import io
import stat
import struct
import zipfile

import pytest
from books import zipped
from documents import docx

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import zip as archives
from chatbot.knowledge.reading import reader


def test_each_member_is_a_section_under_its_name() -> None:
    document = archives.extract(zipped({"notes/boiler.md": "# Boiler\n\nIt is hot.", "pump.txt": "It runs."}))
    assert document.text == "notes/boiler.md\n\nBoiler\n\nIt is hot.\n\npump.txt\n\nIt runs.\n\n"
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "notes/boiler.md"),
        (2, "Boiler"),
        (1, "pump.txt"),
    ]


def test_the_archive_is_called_as_its_file() -> None:
    assert reader.read("the-manuals.zip", zipped({"pump.txt": "It runs."})).title == "the manuals"


def test_members_of_every_kind_are_read() -> None:
    document = archives.extract(
        zipped({"a.docx": docx({"Boiler": "Hot."}), "b.csv": "Part,Bar\nValve,7\n", "c.html": "<p>Page.</p>"})
    )
    for words in ["Hot.", "- Part: Valve; Bar: 7", "Page."]:
        assert words in document.text


def test_members_that_cannot_be_read_are_named_with_the_reason() -> None:
    document = archives.extract(zipped({"a.txt": "Hot.", "b.exe": "x", "c.pdf": "%PDF-1.7 broken", "d.txt": ""}))
    assert document.text == "a.txt\n\nHot.\n\n"
    assert "b.exe (files of this type are not read)" in document.missing
    assert "c.pdf (damaged PDF" in document.missing
    assert "d.txt (the file is empty)" in document.missing


def test_many_unread_members_are_counted() -> None:
    document = archives.extract(zipped({"a.txt": "Hot.", **{f"{number}.exe": "x" for number in range(50)}}))
    assert document.missing.endswith("19.exe (files of this type are not read); and 30 more")


def test_archives_inside_archives_are_read_three_deep_and_no_deeper() -> None:
    inner = zipped({"0.txt": "the bottom"})
    for level in range(1, 4):
        inner = zipped({f"{level}.txt": f"level {level}", f"{level}.zip": inner})
    document = archives.extract(inner)
    assert "level 1" in document.text
    assert "the bottom" not in document.text
    assert "it lies more than 3 containers deep" in document.missing


def test_a_bomb_is_named_and_never_unpacked() -> None:
    with pytest.raises(DocumentRefused, match=r"zeros.txt \(it unpacks to more than 200 times its size\)"):
        archives.extract(zipped({"zeros.txt": bytes(40 * 2**20)}))


def test_all_members_together_are_bounded() -> None:
    large = b"".join(
        b"line %d of the boiler\n" % number for number in range(1_000_000)
    )  # as JSON it is refused before it is parsed
    with pytest.raises(DocumentRefused, match=r"2.json \(it unpacks to more than the \d+ MiB that may still be read"):
        archives.extract(zipped({f"{number}.json": large for number in range(3)}))


def test_thousands_of_members_are_read_up_to_the_limit() -> None:
    document = archives.extract(zipped({f"{number}.txt": "hot" for number in range(1_100)}, zipfile.ZIP_STORED))
    assert document.text.count("hot") == 1_000
    assert "more than 1,000 files lie inside" in document.missing


def test_an_archive_of_too_many_files_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="more than 10,000 files"):
        archives.extract(zipped({str(number): "" for number in range(10_001)}))


@pytest.mark.parametrize("name", ["../../etc/cron.txt", "/etc/cron.txt", "a/../../b.txt", "C:\\cron.txt", "..\\cron.txt"])
def test_names_that_lead_out_of_the_archive_are_not_read(name: str) -> None:
    document = archives.extract(zipped({"a.txt": "Hot.", name: "Evil."}))
    assert "Evil" not in document.text
    assert "its name leads out of the archive" in document.missing


def test_links_are_not_followed() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "Hot.")
        link = zipfile.ZipInfo("passwd.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    document = archives.extract(buffer.getvalue())
    assert document.missing == "not read: passwd.txt (it is a link)"


def test_encrypted_members_are_named() -> None:
    raw = bytearray(zipped({"a.txt": "Hot.", "b.txt": "Secret."}, zipfile.ZIP_STORED))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = raw.rindex(signature) + offset
        raw[place] |= 1
    document = archives.extract(bytes(raw))
    assert document.missing == "not read: b.txt (it is encrypted)"


def test_a_member_that_lies_about_its_size_is_named() -> None:
    raw = bytearray(zipped({"a.txt": "Hot.", "b.txt": "Water. " * 100}))
    struct.pack_into("<I", raw, raw.rindex(b"PK\x01\x02") + 24, 7)
    document = archives.extract(bytes(raw))
    assert "b.txt (it is damaged" in document.missing


def test_packings_that_take_any_memory_are_not_read() -> None:
    with pytest.raises(DocumentRefused, match="packed in a way that is not read"):
        archives.extract(zipped({"a.txt": "Hot."}, zipfile.ZIP_LZMA))


def test_a_name_cannot_pose_as_another_or_break_the_line() -> None:
    document = archives.extract(zipped({"boiler\u202etxt.exe\n.txt": "Hot."}))
    assert document.headings[0].text == "boiler txt.exe .txt"


def test_what_systems_leave_in_archives_is_passed_over() -> None:
    assert archives.extract(zipped({"a.txt": "Hot.", "__MACOSX/._a.txt": "junk", ".DS_Store": "junk"})).missing == ""


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (zipped({}), "there is no file in it"),
        (b"PK\x03\x04" + bytes(50), "damaged archive"),
        (docx({"a": "b"}), "it is an Office document; give it its right name"),
    ],
)
def test_what_is_no_archive_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(DocumentRefused, match=reason):
        archives.extract(raw)
