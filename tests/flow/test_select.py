"""select: each thing once, and more than one source where there is more than one."""

from __future__ import annotations

from fakes import passage

from chatbot.flow.select import select

QUESTION = "How many litres does the kettle hold?"


def test_the_best_are_kept_in_order_and_numbered_anew() -> None:
    found = [passage(f"text {rank}", rank) for rank in (3, 5, 9)]

    kept = select(QUESTION, found, 2)

    assert [each.chunk.text for each in kept] == ["text 3", "text 5"]
    assert [each.rank for each in kept] == [1, 2]


def test_a_passage_that_repeats_a_better_ones_words_is_dropped() -> None:
    found = [passage("The Kettle\nis  blue.", 1), passage("the kettle is blue.", 2), passage("It is tall.", 3)]

    assert [each.source for each in select(QUESTION, found, 5)] == ["1.md", "3.md"]


def test_a_third_passage_of_one_document_comes_behind_other_documents() -> None:
    found = [passage(f"a{rank}", rank, document_id="a") for rank in (1, 2, 3)] + [passage("b", 4, document_id="b")]

    kept = select(QUESTION, found, 4)

    assert [each.chunk.text for each in kept] == ["a1", "a2", "b", "a3"]
    assert [each.rank for each in kept] == [1, 2, 3, 4]


def test_one_document_fills_every_place_where_no_other_has_anything() -> None:
    found = [passage(f"a{rank}", rank, document_id="a") for rank in range(1, 7)]

    assert len(select(QUESTION, found, 5)) == 5


def test_a_dropped_repeat_does_not_count_against_its_document() -> None:
    found = [passage("same", 1, document_id="a"), passage("same", 2, document_id="a"), passage("a2", 3, document_id="a")]
    found.append(passage("b", 4, document_id="b"))

    assert [each.chunk.text for each in select(QUESTION, found, 3)] == ["same", "a2", "b"]


def test_nothing_found_is_nothing_kept() -> None:
    assert select(QUESTION, [], 5) == []


def test_the_passage_that_defines_what_is_asked_comes_first() -> None:
    found = [passage("People like nucleus sampling.", 1), passage("Nucleus sampling is a way to choose a token.", 2)]

    assert [each.source for each in select("What is nucleus sampling?", found, 2)] == ["2.md", "1.md"]
    assert [each.source for each in select("Who likes nucleus sampling?", found, 2)] == ["1.md", "2.md"]


def test_sections_that_only_point_elsewhere_come_last() -> None:
    found = [passage("Kettles, 2nd edition.", 1, heading_path=("Kettles", "Further reading")), passage("Four litres.", 2)]

    assert [each.source for each in select(QUESTION, found, 2)] == ["2.md", "1.md"]
