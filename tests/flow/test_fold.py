"""fold: a near-duplicate is shown once, and what differs in a telling word is shown twice."""

from __future__ import annotations

import pytest
from fakes import passage

from chatbot.flow.fold import fold

PAGE = (
    "The kettle from Ostrava holds 4 litres and boils them within nine minutes. Before you fill it, switch it off and wait until "
    "the lid is cool. Rinse it with vinegar every month, as hard water leaves a crust that makes it slower, and dry the lid "
    "by hand. The warranty ends on 1 May 2027 and does not cover the crust."
)


def _folded(*texts: str) -> list[str]:
    return [each.source for each in fold([passage(text, rank) for rank, text in enumerate(texts, 1)])]


@pytest.mark.parametrize(
    "near",
    [
        PAGE.replace(" ", "\n", 9).upper(),
        PAGE.replace("leaves a crust", "leaves crust"),
        PAGE.removesuffix(" and does not cover the crust.") + ", and does not cover the crust, so this page says.",
        PAGE.split(". ", 1)[1],
    ],
    ids=["laid out otherwise", "an article", "some words more", "a part"],
)
def test_a_near_duplicate_of_a_better_passage_is_left_out(near: str) -> None:
    assert _folded(PAGE, near, "It is blue.") == ["1.md", "3.md"]


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("4 litres", "5 litres"),
        ("nine minutes", "ten minutes"),
        ("1 May 2027", "1 May 2028"),
        ("1 May 2027", "1 June 2027"),
        ("does not cover", "does cover"),
        ("does not cover", "doesn't cover"),
        ("Ostrava", "Olomouc"),
        ("Before you fill", "After you fill"),
        ("switch it off", "switch it on"),
        ("4 litres", "-4 litres"),
    ],
)
def test_what_differs_in_a_telling_word_is_kept(word: str, other: str) -> None:
    assert word in PAGE

    assert _folded(PAGE, PAGE.replace(word, other)) == ["1.md", "2.md"]


def test_numbers_that_changed_places_are_kept() -> None:
    better = "Of the parcels that were sent in spring 12 came late and 30 came early, which nobody in the office had expected."

    assert _folded(better * 3, better * 2 + better.replace("12", "x").replace("30", "12").replace("x", "30")) == ["1.md", "2.md"]


def test_a_statement_is_no_part_of_its_denial() -> None:
    assert _folded("It is wrong that the kettle is safe.", "The kettle is safe.") == ["1.md", "2.md"]


def test_a_page_without_the_footer_of_a_better_one_is_left_out() -> None:
    assert _folded(PAGE + " Printed by Ostrava Press in 2026.", PAGE) == ["1.md"]


def test_a_fuller_passage_is_kept_beside_a_better_one_that_it_contains() -> None:
    assert _folded(PAGE.split(". ")[1] + ".", PAGE) == ["1.md", "2.md"]


def test_in_a_script_without_capitals_every_word_tells() -> None:
    page = "水壶 可以 装 四升 水 并且 很快 煮沸 使用 之前 请 关闭 电源 等待 盖子 变凉 每月 清洗 一次 水垢 会 让 它 变慢 " * 3

    assert _folded(page, page[::-1].replace("慢变", "快变", 1)[::-1]) == ["1.md", "2.md"]
    assert _folded(page, page.replace(" ", "\n")) == ["1.md"]
