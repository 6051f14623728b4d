"""Markers are told from everything that only looks like one, also while they arrive."""

from __future__ import annotations

import pytest

from chatbot import markers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is blue. [1]", [(1, "It is blue.")]),
        ("Blue [1] and wide [2].", [(1, "Blue"), (2, "and wide")]),
        ("Blue. [1] [2][3]", [(1, "Blue."), (2, "Blue."), (3, "Blue.")]),
        ("[1] says that it is blue.", [(1, "says that it is blue.")]),
        ("[1]", [(1, "")]),
        ("No marker", []),
    ],
)
def test_a_marker_stands_behind_the_words_since_the_one_before(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(markers.claims(text)) == expected


@pytest.mark.parametrize("text", ["list[0]", "See [2] and [34].", "[1]", "a[1][2]"])
def test_literal_brackets_are_no_markers_and_come_back(text: str) -> None:
    said = markers.literal(text)

    assert markers.numbers(said) == []
    assert markers.unescaped(said) == text


@pytest.mark.parametrize("text", ["plain", "[]", "[12345]", "[see 2]", "[i]"])
def test_other_brackets_are_left_as_they_are(text: str) -> None:
    assert markers.literal(text) == text


@pytest.mark.parametrize(
    ("text", "held"), [("Blue. [", " ["), ("Blue. [1", " [1"), ("Blue.", ""), ("Blue. ", " "), ("Blue [i", ""), ("Blue. [1]", "")]
)
def test_an_end_that_may_become_a_marker_is_found(text: str, held: str) -> None:
    assert text[markers.begun(text) :] == held
