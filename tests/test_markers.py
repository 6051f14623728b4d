"""Markers are told from everything that only looks like one, also while they arrive."""

from __future__ import annotations

import pytest

from chatbot import markers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is blue. [1] And wide.[23]", [1, 23]),
        ("`x[0]` [1]", [1]),
        ("``a`[2]`` [1]", [1]),
        ("```py\nx[2]\n```\n[1]", [1]),
        ("- ~~~\n  x[2]\n  ~~~\n- [1]", [1]),
        ("> ```\n> x[2]", []),
        ("````\n```\nx[2]\n````\n[1]", [1]),
        ("```py\nx[2] is never closed\n\n[1]", []),
        ("A lone ` and [1]\nand ` [2]", [1, 2]),
        (r"An escaped \` and [1] `", [1]),
        ("Words ```x[2]``` [1]", [1]),
        ("Words ```\n[1]", [1]),
    ],
)
def test_in_code_there_are_no_markers(text: str, expected: list[int]) -> None:
    assert markers.numbers(text) == expected


def test_the_words_alone_keep_their_code() -> None:
    said = "Blue. [1] `x[0]` is [2].\n```\ny[1]\n```\n"

    assert markers.strip(said) == "Blue. `x[0]` is.\n```\ny[1]\n```\n"


def test_a_marker_names_its_documents() -> None:
    assert [markers.named(each) for each in ("[1]", "[^12]", "[1, 2;3]", "【3】", "【3†L4-L5】")] == [
        [1],
        [12],
        [1, 2, 3],
        [3],
        [3],
    ]


@pytest.mark.parametrize("text", ["list[0]", "See [2] and [34].", "[1]", "a[1][2]", "【1】", "[1, 2]", "[^1]", "`x[1]`"])
def test_literal_brackets_are_no_markers_and_come_back(text: str) -> None:
    said = markers.literal(text)

    assert markers.numbers(said) == []
    assert markers.unescaped(said) == text


@pytest.mark.parametrize("text", ["a ` b", "```py", "~~~", "`a` ` `` b", "`` ` ``"])
def test_literal_backticks_swallow_no_marker_behind_them(text: str) -> None:
    said = f"{markers.literal(text)} [1]\n{markers.literal(text)} [2] `a` [3]"

    assert markers.numbers(said) == [1, 2, 3]
    assert markers.unescaped(markers.literal(text)) == text


@pytest.mark.parametrize("text", ["plain", "`code` and ``more ` code``", "[]", "[12345]", "[see 2]", "[i]"])
def test_other_brackets_are_left_as_they_are(text: str) -> None:
    assert markers.literal(text) == text


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("Blue. [", "["),
        ("Blue. [1", "[1"),
        ("Blue. [^1", "[^1"),
        ("Blue. [1, 2", "[1, 2"),
        ("Blue. [1, ", "[1, "),
        ("Blue 【1†L", "【1†L"),
        ("Blue. ", ""),
        ("Blue [i", ""),
        ("Blue [1x", ""),
        ("Blue. [1]", ""),
    ],
)
def test_an_end_that_may_become_a_marker_is_found(text: str, held: str) -> None:
    assert text[markers.begun(text) :] == held
