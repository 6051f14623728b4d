"""The builder that all formats share."""

from __future__ import annotations

import pytest

from chatbot.knowledge.formats.extracted import TextBuilder


def test_a_heading_is_a_line_of_the_text() -> None:
    builder = TextBuilder()
    builder.block("before")
    builder.heading(2, "  Chapter\x00 ")
    built = builder.build()
    assert built.text == "before\n\nChapter\n\n"
    assert (built.headings[0].text, built.headings[0].start) == ("Chapter", 8)


def test_a_heading_without_words_is_none() -> None:
    builder = TextBuilder()
    builder.heading(1, " \x00 ")
    assert builder.build().headings == ()


def test_what_cannot_be_stored_is_left_out() -> None:
    builder = TextBuilder()
    builder.block("a\x00b\ud800c")
    assert builder.build("ti\udffftle").text == "abc\n\n"
    assert builder.build("ti\udffftle").title == "title"


def test_the_first_heading_of_the_first_level_is_the_title() -> None:
    builder = TextBuilder()
    builder.heading(2, "Part")
    builder.heading(1, "Book")
    assert builder.build("metadata").title == "Book"


def test_a_blank_line_closes_a_list() -> None:
    builder = TextBuilder()
    builder.block("- one", "\n")
    builder.block("- two", "\n")
    builder.heading(1, "Next")
    built = builder.build()
    assert built.text == "- one\n- two\n\nNext\n\n"
    assert built.text[built.headings[0].start :] == "Next\n\n"


def test_pages_begin_where_their_text_begins() -> None:
    builder = TextBuilder()
    for text in ["one", "", "three"]:
        builder.page()
        builder.block(text)
    assert builder.build().page_starts == (0, 5, 5)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\x1b[31mred\x1b[0m b", "ared b"),
        ("\x1b]0;a title\x07a \x1b]8;;http://x\x1b\\link", "a link"),
        ("\x1b\x1b[2J[2J", "[2J"),
        ("a\x9b31m\x07\x08b\x7f", "a31mb"),
        ("one\x0ctwo\x0bthree\x85four\rfive", "one two three four five"),
        ("a\tb\nc", "a\tb\nc"),
    ],
)
def test_no_control_reaches_a_terminal(text: str, clean: str) -> None:
    builder = TextBuilder()
    builder.block(text)
    builder.heading(1, text.replace("\n", " "))
    built = builder.build(text)
    assert built.text.startswith(f"{clean}\n\n")
    assert built.text[built.headings[0].start :] == f"{built.headings[0].text}\n\n"


def test_a_heading_as_long_as_a_page_is_a_paragraph() -> None:
    builder = TextBuilder()
    builder.heading(1, "word " * 100)
    assert builder.build().headings == ()
    assert builder.build().text.startswith("word word")
