r"""RTF: words in every encoding, headings, tables and notes; nothing that is no text."""

from __future__ import annotations

import pytest
from office import rtf, rtf_text

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.rtf import extract


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (r"one\par two", "one\n\ntwo\n\n"),
        (r"one\line two", "one\ntwo\n\n"),
        (r"na\'efve", "naïve\n\n"),
        (r"{\f1 \'e1}", "α\n\n"),
        (r"\u945?\uc2\u946??\uc0\u947", "αβγ\n\n"),
        (r"{\uc0\u945}?", "α?\n\n"),
        (rtf_text("a 🙂 b"), "a 🙂 b\n\n"),
        (r"\{a\}\~b\_c", "{a}\xa0b-c\n\n"),
        (r"\ldblquote a\rdblquote\emdash b", "“a”—b\n\n"),
        (r"{\v secret}seen {\deleted gone}", "seen\n\n"),
        (r"{\*\unknown words}seen", "seen\n\n"),
        (r"{\header top}{\footer bottom}body", "body\n\n"),
        (r'{\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt link}}', "link\n\n"),
        (r"{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt boxed\par}}", "boxed\n\n"),
        (r"x{\footnote see y}\par", "x\n\nNote: see y\n\n"),
        (r"x{\*\annotation why?}\par", "x\n\nComment: why?\n\n"),
    ],
)
def test_a_text_reads_as_its_author_sees_it(markup: str, text: str) -> None:
    assert extract(rtf(markup)).text == text


def test_bytes_of_two_are_one_character() -> None:
    assert extract(rb"{\rtf1\ansi\ansicpg932 \'93\'fa\'96\'7b}").text == "日本\n\n"


def test_bytes_that_are_no_text_are_stepped_over() -> None:
    assert extract(rb"{\rtf1 a{\pict\bin4 }{}\}b}").text == "ab\n\n"


def test_headings_are_told_by_style_and_by_outline_level() -> None:
    document = extract(
        rtf(r"{\pard\s1{\listtext\pard 1.\tab}Boiler\par}\pard\s2 Valve\par\pard\outlinelevel2 Spring\par\pard Words.")
    )
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "1. Boiler"), (2, "Valve"), (3, "Spring")]
    assert document.text.endswith("Words.\n\n")


def test_a_table_is_rows_and_keeps_the_headers_that_are_marked() -> None:
    row = r"\trowd{}\intbl {}\cell {}\cell\row "
    markup = row.format(r"\trhdr", "Part", "Use") + row.format("", r"Valve\par big", "air")
    assert extract(rtf(rf"{markup}\pard after")).text == "- Part: Valve big; Use: air\n\nafter\n\n"


def test_a_picture_is_left_out_and_said() -> None:
    document = extract(rtf(r"x{\pict\pngblip 89504e47}"))
    assert (document.text, document.missing) == ("x\n\n", "left out: pictures: 1")


def test_the_title_is_that_of_the_properties() -> None:
    assert extract(rtf(r"{\info{\title Manual}{\author Bob}}words")).title == "Manual"


def test_too_deep_nesting_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="nested more than 10,000 levels deep"):
        extract(rtf("{" * 10_001))


def test_too_many_marks_are_refused() -> None:
    with pytest.raises(DocumentRefused, match="more than 600,000 marks"):
        extract(rtf(r"\b" * 600_001))


def test_another_file_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="damaged RTF document"):
        extract(b"words")
