"""What is written on the wire is read again, whatever is in it and however it is cut."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chatbot.apps.wire import Lines, data_of, json_line, server_sent
from chatbot.schema import DeltaReleased

ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""All characters at which `str.splitlines` cuts."""
TEXT = f"one{ENDS}two 模型 🫖"


def _pieces(whole: bytes, size: int) -> Iterator[bytes]:
    return (whole[place : place + size] for place in range(0, len(whole), size))


def _read(whole: bytes, size: int) -> list[str]:
    lines = Lines()
    return [line for piece in _pieces(whole, size) for line in lines.feed(piece)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_are_read_as_they_were_written(size: int) -> None:
    written = [json.dumps(TEXT), json.dumps(TEXT, ensure_ascii=False), DeltaReleased(text=TEXT).model_dump_json(), "1"]

    read = _read("".join(map(json_line, written)).encode(), size)

    assert [json.loads(line) for line in read] == [TEXT, TEXT, {"type": "delta", "text": TEXT}, 1]


def test_a_line_is_one_to_every_reader() -> None:
    written = json_line(json.dumps(TEXT, ensure_ascii=False)) + server_sent(DeltaReleased(text=TEXT).model_dump_json())

    assert [bool(line) for line in written.splitlines()] == [True, True, False]


def test_a_reader_needs_no_escapes() -> None:
    assert _read(f'"{TEXT[4:]}"\n'.encode(), 1) == [f'"{TEXT[4:]}"']


def test_an_unfinished_line_is_not_given_out() -> None:
    lines = Lines()

    assert lines.feed(b'{"a": ') == []
    assert lines.feed(b'1}\n{"b"') == ['{"a": 1}']


def test_an_event_has_its_fields_its_data_and_an_end() -> None:
    written = server_sent('{"a": 1}', id=3, event="delta")

    assert written == 'id: 3\nevent: delta\ndata: {"a": 1}\n\n'
    assert list(map(data_of, written.split("\n"))) == [None, None, '{"a": 1}', None, None]
