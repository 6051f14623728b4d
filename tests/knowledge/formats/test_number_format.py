"""Numbers are written as the spreadsheet shows them."""

from __future__ import annotations

import pytest

from chatbot.knowledge.formats.number_format import built_in, shown


@pytest.mark.parametrize(
    ("number", "code", "seen"),
    [
        ("7", "General", "7"),
        ("0.1", "General", "0.1"),
        ("0.30000000000000004", "General", "0.3"),
        ("12", 'General" km"', "12 km"),
        ("0.256", "0.0%", "25.6%"),
        ("1234567.891", "#,##0.00", "1,234,567.89"),
        ("-1234.5", "#,##0.00", "-1,234.50"),
        ("-5", "0.00;(0.00)", "(5.00)"),
        ("-5", "0.00;[Red]-0.00", "-5.00"),
        ("0", '0;-0;"none"', "none"),
        ("2.5", "0", "3"),
        ("123", "00000", "00123"),
        ("123456789", "000-00-0000", "123-45-6789"),
        ("1500000", '0.0,,"M"', "1.5M"),
        ("12.3", "0.0##", "12.3"),
        ("12345", "0.00E+00", "1.23E+04"),
        ("1234.5", "[$€-407] #,##0.00", "€ 1,234.50"),
        ("5", '"Room "0', "Room 5"),
        ("0.5", "# ?/?", "0.5"),
        ("43363", "yyyy-mm-dd", "2018-09-20"),
        ("43363.75", "d mmm yyyy h:mm AM/PM", "20 Sep 2018 6:00 PM"),
        ("43363.75", "dddd, mmmm d", "Thursday, September 20"),
        ("0.5", "h:mm:ss", "12:00:00"),
        ("1.5", "[h]:mm", "36:00"),
        ("59", "yyyy-mm-dd", "1900-02-28"),
        ("61", "yyyy-mm-dd", "1900-03-01"),
        ("-1", "yyyy-mm-dd", "-1"),
        ("9e99", "yyyy-mm-dd", "9e+99"),
        ("many", "0.00", "many"),
        ("nan", "0.00", "nan"),
        ("1e400", "0.00", "1e400"),
    ],
)
def test_a_number_is_shown_as_its_format_says(number: str, code: str, seen: str) -> None:
    assert shown(number, code) == seen


def test_days_may_count_from_1904() -> None:
    assert shown("41901", "yyyy-mm-dd", since_1904=True) == "2018-09-20"


def test_a_date_in_the_readers_own_order_is_written_in_one_that_all_understand() -> None:
    assert shown("43363", built_in(14)) == "2018-09-20"


def test_a_format_that_nobody_knows_changes_nothing() -> None:
    assert shown("7", built_in(999)) == "7"
