"""Markdown by the CommonMark specification, with tables."""

from __future__ import annotations

import pytest

from chatbot.knowledge.formats import markdown
from chatbot.knowledge.formats.extracted import Extracted


def read(source: str) -> Extracted:
    return markdown.extract(source.encode())


def test_marks_become_plain_text() -> None:
    assert read("Some *slanted* and **bold** `code`, a [link](http://x.example) and &copy;.").text == (
        "Some slanted and bold code, a link and ©.\n\n"
    )


def test_both_kinds_of_headings_are_found() -> None:
    page = read("Book\n====\n\nText\n\n## Chapter\n\nMore\n")
    assert [(heading.level, heading.text) for heading in page.headings] == [(1, "Book"), (2, "Chapter")]


def test_a_hash_inside_code_is_no_heading() -> None:
    page = read("# Real\n\n```\n# not a heading\n```\n")
    assert [heading.text for heading in page.headings] == ["Real"]
    assert "# not a heading" in page.text


def test_each_row_of_a_table_keeps_its_headers() -> None:
    assert (
        read("| Part | Bar |\n|---|---:|\n| Valve | 7 |\n| Pump | 3 |\n").text == "- Part: Valve; Bar: 7\n- Part: Pump; Bar: 3\n"
    )


def test_front_matter_is_left_out() -> None:
    assert read("---\ntitle: x\ntags: [a]\n---\n# Page\n\nText\n").text == "Page\n\nText\n\n"


def test_front_matter_with_windows_line_ends_is_left_out() -> None:
    assert read("---\r\ntitle: x\r\n---\r\n# Page\r\n\r\nText\r\n").text == "Page\n\nText\n\n"


def test_a_rule_on_the_first_line_is_no_front_matter() -> None:
    assert read("---\n\nText\n\n---\n\nMore\n").text == "Text\n\nMore\n\n"


def test_lists_deep_inside_lists_are_kept() -> None:
    source = "\n".join("  " * level + f"- level{level}" for level in range(30))
    assert "level29" in read(source).text


def test_markup_inside_is_read_as_markup() -> None:
    assert read("<div>raw <b>bold</b></div>\n\n<script>noise</script>\n\nText\n").text == "raw bold\n\nText\n\n"


def test_front_matter_may_hold_lists_and_long_values() -> None:
    front = "---\ntitle: x\ntags:\n- a\n- b\n# a comment\nsummary: >\n  one\n  two\n\nauthor-name: z\n..."
    assert read(f"{front}\n# Page\n").text == "Page\n\n"


def test_front_matter_at_the_very_end_is_left_out() -> None:
    assert read("---\ntitle: x\n---").text == ""


@pytest.mark.parametrize(
    "source",
    [
        "---\nNote: never open the valve.\n---\nText\n",
        "---\nwarning: hot\nand this is prose below it\n---\nText\n",
        "---\nsee http://example.com\n---\nText\n",
    ],
)
def test_words_between_two_rules_are_no_front_matter(source: str) -> None:
    text = read(source).text
    assert set(source.replace("-", " ").split()) <= set(text.split())


@pytest.mark.parametrize("tag", ["article", "main", "div role=main"])
def test_markup_around_a_part_hides_no_other_part(tag: str) -> None:
    source = f"# Page\n\nBefore\n\n<{tag}>\n\nInside\n\n</{tag.split()[0]}>\n\nAfter\n"
    assert read(source).text == "Page\n\nBefore\n\nInside\n\nAfter\n\n"


@pytest.mark.parametrize("mark", ["[", "![", "[[]", "[](", "[a]()"])
def test_a_paragraph_of_brackets_is_read_as_it_is_written(mark: str) -> None:
    page = read(f"Some *slanted* words.\n\nBefore {mark * 40_000} after &amp; <b>.\n\nMore **words**.")
    assert page.text == f"Some slanted words.\n\nBefore {mark * 40_000} after &amp; <b>.\n\nMore words.\n\n"


def test_a_paragraph_of_many_links_is_read_as_links() -> None:
    assert read("[a](http://x.example) " * 900).text == f"{'a ' * 899}a\n\n"


def test_a_paragraph_of_stars_is_left_as_it_is_written() -> None:
    assert markdown.extract(b"*a **b " * 100_000).text.startswith("*a **b *a **b")
