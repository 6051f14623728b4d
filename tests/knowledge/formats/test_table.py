"""Rows keep their headers, and headers are told from cells where the format does not mark them."""

from __future__ import annotations

import pytest

from chatbot.knowledge.formats import table
from chatbot.knowledge.formats.extracted import TextBuilder

PRICES = [["Part", "Price"], ["Valve", "7.50 €"], ["Pump", "30"]]


def written(rows: list[list[str]], headed: bool | None = None) -> str:
    builder = TextBuilder()
    table.write(builder, rows, headed)
    return builder.build().text


def test_each_row_says_what_its_cells_are() -> None:
    assert written(PRICES) == "- Part: Valve; Price: 7.50 €\n- Part: Pump; Price: 30\n"


def test_an_empty_cell_is_left_out() -> None:
    assert written([["A", "B"], ["", "2"]], headed=True) == "- B: 2\n"


def test_what_the_format_says_about_headers_is_believed() -> None:
    assert written(PRICES, headed=False).startswith("- Part; Price\n- Valve; 7.50 €\n")
    assert written([["1", "2"], ["3", "4"]], headed=True) == "- 1: 3; 2: 4\n"


@pytest.mark.parametrize(
    ("rows", "headed"),
    [
        (PRICES, True),
        ([["Name", "Place", "Use"], ["Valve", "Roof", "Air"]], True),
        ([["", "Place", "Use"], ["Valve", "Roof", "Air"]], True),
        ([["Name", "Bob"], ["Place", "Roof"]], False),
        ([["Name", "Name", "Use"], ["Valve", "Roof", "Air"]], False),
        ([["Valve", "12.50 €", "2024-01-31"], ["Pump", "1", "2024-02-01"]], False),
        ([["Valve", "Roof", "x" * 61], ["Pump", "Cellar", "y"]], False),
        ([["only"], ["one"]], False),
    ],
)
def test_a_row_of_headers_is_told_by_its_look(rows: list[list[str]], headed: bool) -> None:
    assert table.looks_headed(rows) is headed


def test_a_sheets_empty_rows_set_its_tables_apart() -> None:
    builder = TextBuilder()
    table.write_sheet(builder, [["Prices", ""], *PRICES, [], ["a", "b"], ["c", "d"]])
    assert builder.build().text == "Prices\n\n- Part: Valve; Price: 7.50 €\n- Part: Pump; Price: 30\n- a; b\n- c; d\n"
