"""Delimited tables: rows that keep their headers, however the file was written."""

from __future__ import annotations

import pytest

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import csv
from chatbot.knowledge.reading import reader

ROWS = "- Part: Valve; Bar: 7\n- Part: Pump; Bar: 3\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_each_row_keeps_its_headers_whatever_delimits_it(delimiter: str, line_end: str) -> None:
    table = f"Part{delimiter}Bar{line_end}Valve{delimiter}7{line_end}Pump{delimiter}3{line_end}"
    assert csv.extract(table.encode()).text == ROWS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_table_is_read_in(encoding: str) -> None:
    text = "Teil;Größe\nVentil für Öl;groß\n"
    assert csv.extract(text.encode(encoding)).text == "- Teil: Ventil für Öl; Größe: groß\n"


def test_a_table_without_a_header_has_bare_rows() -> None:
    assert csv.extract(b"Valve,7\nPump,3\n").text == "- Valve; 7\n- Pump; 3\n"


def test_years_may_head_columns() -> None:
    assert csv.extract(b"Country,2019,2020\nChile,5,6\n").text == "- Country: Chile; 2019: 5; 2020: 6\n"


def test_a_column_of_row_names_needs_no_header() -> None:
    assert csv.extract(b",Bar,Litres\nValve,7,2\n").text == "- Valve; Bar: 7; Litres: 2\n"


def test_lines_above_the_header_are_text() -> None:
    document = csv.extract(b"Pressures of 2024\n\nPart,Bar,Litres\nValve,7,1\nPump,3,30\nTap,1,2\n")
    assert document.text.startswith("Pressures of 2024\n\n- Part: Valve; Bar: 7; Litres: 1\n")


def test_ragged_rows_lose_no_cell() -> None:
    document = csv.extract(b"Part,Bar\nValve,7\nPump,3,old\nTap\nCock,2\n")
    assert document.text == "- Part: Valve; Bar: 7\n- Part: Pump; Bar: 3; old\n- Part: Tap\n- Part: Cock; Bar: 2\n"


def test_quoted_cells_hold_delimiters_and_lines() -> None:
    document = csv.extract(b'Part,Note\nValve,"old, but\nsound"\nPump,"a ""new"" one"\n')
    assert document.text == '- Part: Valve; Note: old, but sound\n- Part: Pump; Note: a "new" one\n'


def test_commas_in_the_cells_of_another_delimiter_do_not_split_them() -> None:
    assert csv.extract(b"Part;Note\nValve, old;opens, at 7\nPump, new;runs, well\n").text.startswith(
        "- Part: Valve, old; Note: opens"
    )


def test_one_column_is_read_line_by_line() -> None:
    assert csv.extract(b"Valve\nPump, old\nTap\n").text == "- Valve\n- Pump, old\n- Tap\n"


def test_excel_may_name_the_delimiter_in_the_first_line() -> None:
    assert csv.extract(b"sep=^\nPart^Bar\nValve^7\nPump^3\n").text == ROWS


def test_a_quotation_mark_that_nobody_closed_does_not_swallow_the_rows_below() -> None:
    table = 'Part,Inches\nPipe,"5\n' + "Valve,3\n" * 200
    assert csv.extract(table.encode()).text.count("- Part: Valve; Inches: 3\n") == 200


def test_a_cell_longer_than_the_library_allows_is_read() -> None:
    word = "x" * 200_000
    assert word in csv.extract(f"Part,Note\nValve,{word}\nPump,3\n".encode()).text


def test_headers_that_would_make_a_small_file_a_large_text_are_bounded_and_said() -> None:
    headers = ",".join(f"{index} {'h' * 140}" for index in range(100))
    document = csv.extract((headers + "\n" + ("1," * 99 + "1\n") * 2_000).encode())
    assert len(document.text) < 9_000_000
    assert document.missing.startswith("rows from ")


def test_a_very_long_table_is_read_as_far_as_the_limit() -> None:
    document = csv.extract(b"Part,Bar\n" + b"Valve,7\n" * 1_200_000)
    assert document.text.startswith("- Part: Valve; Bar: 7\n")
    assert document.missing


def test_a_workbook_under_this_name_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="looks like zip"):
        reader.read("parts.csv", b"PK\x03\x04" + bytes(100))


def test_of_one_endless_row_the_beginning_is_read() -> None:
    document = csv.extract(b"word," * 2_000_000)
    assert document.text.startswith("- word; word")
    assert "more than 8 million characters" in document.missing
