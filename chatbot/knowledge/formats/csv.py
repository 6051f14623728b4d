"""Tables of delimited text (CSV, TSV): each row keeps its headers. The bytes say how it is written, not the file's name."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.plain import decode

_DELIMITERS = ",;\t|"
_SAMPLE = 64 * 2**10
_SAMPLE_ROWS = 100
_MAX_LINES_IN_CELL = 100
"""A cell of more lines is a quotation mark that nobody closed."""
_MAX_TEXT = 8 * 2**20
"""Headers stand at every cell, so a small file can make a large text."""
_MAX_HEADER = 150
_LEAST_REGULAR = 0.6
"""A delimiter that gives fewer rows the usual width only happens to stand in the text."""
_PLAIN_VALUE = re.compile(
    r"[-+(]?[$€£]?\s?[\d.,:/ -]*\d[\d.,:/ -]*[%)]?|\S+@\S+\.\w+|https?://\S+|true|false|n/?a|null", re.IGNORECASE
)
"""A number, date, address or truth value: what heads no column. A year alone may head one."""
_YEAR = re.compile(r"(?:19|20)\d\d")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)


def extract(raw: bytes) -> Extracted:
    """Read a table; lines above its header are text, and what follows eight million characters is left out and said to be.

    Raises:
        DocumentRefused: the bytes are no text.
    """
    text = decode(raw)
    declared = _SEPARATOR_LINE.match(text)
    if declared:
        text = text[declared.end() :]
    delimiter = declared[1] if declared else _delimiter(text)
    builder = TextBuilder()
    read = text if len(text) <= _MAX_TEXT else text[: text.rfind("\n", 0, _MAX_TEXT) + 1 or _MAX_TEXT]
    missing = _write(builder, _rows(read, delimiter), _usual_width(text, delimiter))
    if not missing and len(read) < len(text):
        missing = (
            f"the last {text.count(chr(10), len(read)) + 1:,} lines, which lie behind {_MAX_TEXT // 2**20} million characters"
        )
    return builder.build(missing=missing)


def _write(builder: TextBuilder, rows: list[list[str]], width: int) -> str:
    """What was left out, in words."""
    above, headers, below = _layout(rows, width)
    for cells in above:
        builder.block(" ".join(filter(None, cells)))
    lines: list[str] = []
    size = 0
    missing = ""
    for number, cells in enumerate(below, 1):
        row = "; ".join(f"{header}: {cell}" if header else cell for header, cell in _pairs(headers, cells) if cell)
        size += len(row)
        if size > _MAX_TEXT:
            lines += [] if lines else [f"- {row[:_MAX_TEXT]}"]
            missing = f"rows from {number:,} on: the table makes more than {_MAX_TEXT // 2**20} million characters"
            break
        lines.append(f"- {row}")
    builder.block("\n".join(lines), "\n")
    return missing


def _layout(rows: list[list[str]], width: int) -> tuple[list[list[str]], list[str], list[list[str]]]:
    """The narrow lines above the table, its header or nothing, and its rows; `width` is that of most rows."""
    first = next((index for index, cells in enumerate(rows) if not _is_narrow(cells, width)), 0) if width > 1 else 0
    above, table = rows[:first], rows[first:]
    if width > 1 and len(table) > 1 and _is_header(table[0]):
        return above, table[0], table[1:]
    return above, [], table


def _is_narrow(cells: list[str], width: int) -> bool:
    return sum(map(bool, cells)) <= max(1, width // 2) and len(cells) < width


def _delimiter(text: str) -> str:
    """The one that gives most rows the same width, of more than one cell; where none does, the file is one column."""
    best, best_score = "", 0.0
    for delimiter in _DELIMITERS:
        width, regular = _shape(_sample(text, delimiter))
        score = regular + min(width, 20) / 100
        if width > 1 and regular >= _LEAST_REGULAR and score > best_score:
            best, best_score = delimiter, score
    return best


def _usual_width(text: str, delimiter: str) -> int:
    return _shape(_sample(text, delimiter))[0]


def _sample(text: str, delimiter: str) -> list[list[str]]:
    part = text[:_SAMPLE]
    if len(text) > _SAMPLE and "\n" in part:
        part = part[: part.rindex("\n") + 1]
    return _rows(part, delimiter)[:_SAMPLE_ROWS]


def _shape(rows: list[list[str]]) -> tuple[int, float]:
    """The width of the most rows, and their share in [0, 1]."""
    widths = Counter(len(row) for row in rows)
    if not widths:
        return 0, 0.0
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    return width, count / len(rows)


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """Rows of cells, each on one line; rows without a word are left out."""
    if not delimiter:
        cells = [[line.strip()] for line in text.split("\n")]
    else:
        try:
            cells = list(_quoted(text, delimiter))
        except csv.Error:
            cells = [line.split(delimiter) for line in text.split("\n")]
    tidy = ([" ".join(cell.split()) for cell in row] for row in cells)
    return [row for row in tidy if any(row)]


def _quoted(text: str, delimiter: str) -> Iterator[list[str]]:
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True):
        if any(cell.count("\n") > _MAX_LINES_IN_CELL for cell in row):
            raise csv.Error("a quotation mark that nobody closed")
        yield row


def _is_header(cells: list[str]) -> bool:
    named = [cell for cell in cells if cell]
    return (
        len(named) * 2 > len(cells)
        and len(set(named)) == len(named)
        and all(len(cell) <= _MAX_HEADER for cell in named)
        and not any(_PLAIN_VALUE.fullmatch(cell) and not _YEAR.fullmatch(cell) for cell in named)
        and not all(_YEAR.fullmatch(cell) for cell in named)
    )


def _pairs(headers: list[str], cells: list[str]) -> Iterator[tuple[str, str]]:
    for index, cell in enumerate(cells):
        yield headers[index] if index < len(headers) else "", cell
