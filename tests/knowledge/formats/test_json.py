"""JSON and JSON Lines: every value under its path, a block for each record."""

from __future__ import annotations

import json as standard

import pytest

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import json


def text_of(value: object) -> str:
    return json.extract(standard.dumps(value).encode()).text


def test_each_value_stands_under_its_path() -> None:
    assert (
        text_of({"name": "Ann", "address": {"city": "Rome", "floor": 2}})
        == "name: Ann\n\naddress.city: Rome\naddress.floor: 2\n\n"
    )


def test_each_item_of_a_list_is_a_record() -> None:
    assert text_of([{"part": "Valve", "bar": 7}, {"part": "Pump", "bar": 3}]) == "part: Valve\nbar: 7\n\npart: Pump\nbar: 3\n\n"


def test_each_item_of_a_list_inside_is_a_record() -> None:
    text = text_of({"site": "North", "parts": [{"name": "Valve"}, {"name": "Pump", "rooms": [{"id": 4}]}]})
    assert text == "site: North\n\nparts[0].name: Valve\n\nparts[1].name: Pump\nparts[1].rooms[0].id: 4\n\n"


def test_a_list_of_short_values_is_one_line() -> None:
    assert text_of({"hobbies": ["reading", "running"], "x": {}}) == "hobbies: reading, running\n\n"


def test_values_are_written_as_they_stand() -> None:
    assert json.extract(b'{"price": 1.10, "big": ' + b"9" * 5_000 + b', "ok": true, "none": null}').text.startswith(
        "price: 1.10\nbig: 999"
    )
    assert "ok: true" in text_of({"ok": True, "none": None})


def test_a_broken_document_is_read_as_text_and_said_to_be() -> None:
    document = json.extract(b'{"name": "Ann",\n "age": 30')
    assert "Ann" in document.text
    assert "no JSON at line 2, column 11" in document.missing


def test_a_document_of_one_value_a_line_is_read_whatever_it_is_called() -> None:
    assert json.extract(b'{"part": "Valve"}\n{"part": "Pump"}\n').text == "part: Valve\n\npart: Pump\n\n"


def test_a_broken_line_spoils_no_other() -> None:
    document = json.extract_lines(b'{"part": "Valve"}\n{"part": \n\n{"part": "Pump"}\n')
    assert document.text == 'part: Valve\n\n{"part":\n\npart: Pump\n\n'
    assert document.missing == "the structure of 1 lines that are no JSON, the first of them line 2"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_document_is_read_in(encoding: str) -> None:
    assert json.extract('{"Größe": "groß"}'.encode(encoding)).text == "Größe: groß\n\n"


@pytest.mark.parametrize("deep", [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 500 + b"1" + b"}" * 500])
def test_a_document_nested_too_deeply_is_text(deep: bytes) -> None:
    assert json.extract(deep).missing == "its structure: nested too deeply"


def test_paths_that_would_make_a_small_file_a_large_text_are_bounded_and_said() -> None:
    document = json.extract(standard.dumps({"k" * 100_000: [{"a": 1}] * 1_000}).encode())
    assert len(document.text) < 9_000_000
    assert document.missing.startswith("what follows in record ")


def test_a_document_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(DocumentRefused, match=r"larger than 8 MiB; split the document"):
        json.extract(b"[" + b"[]," * 3_000_000 + b"1]")
