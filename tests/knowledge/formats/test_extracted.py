"""The builder that all formats share."""

from __future__ import annotations

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
