"""Outlook messages: the same as mail, from another container."""

from __future__ import annotations

import struct

import pytest
from books import compound, msg

from chatbot.errors import DocumentRefused
from chatbot.knowledge.reading import reader

SUBJECT, BODY, HTML, FROM, ADDRESS, TO = "0037001F", "1000001F", "10130102", "0C1A001F", "5D01001F", "0E04001F"


def test_headers_body_and_attachments_are_read() -> None:
    raw = msg(
        {SUBJECT: "Boiler", BODY: "It is hot.", FROM: "Ann", ADDRESS: "ann@example.org", TO: "Bob"},
        {"parts.csv": b"Part,Bar\nValve,7\n", "long.txt": b"It runs. " * 1_000},
        sent=133_156_874_560_000_000,
    )
    document = reader.read("a.msg", raw)
    head = "From: Ann <ann@example.org>\nTo: Bob\nDate: Fri, 16 Dec 2022 "
    assert document.text.startswith(f"Boiler\n\n{head}")
    assert "It is hot.\n\nparts.csv\n\n- Part: Valve; Bar: 7\n" in document.text
    assert document.text.count("It runs.") == 1_000


def test_html_is_read_where_there_is_no_plain_body() -> None:
    assert "It is hot." in reader.read("a.msg", msg({SUBJECT: "Boiler", HTML: b"<p>It is <b>hot</b>.</p>"})).text


def test_a_body_only_in_rich_text_is_said_to_be_missing() -> None:
    assert "compressed RTF" in reader.read("a.msg", msg({SUBJECT: "Boiler", "10090102": b"x"})).missing


def test_another_kind_of_file_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="content looks like doc"):
        reader.read("a.msg", compound({"WordDocument": b"x"}))


def test_a_table_larger_than_the_file_is_refused() -> None:
    raw = bytearray(msg({SUBJECT: "Boiler"}))
    struct.pack_into("<I", raw, 44, 2**31)
    with pytest.raises(DocumentRefused, match="larger than the file"):
        reader.read("a.msg", bytes(raw))
