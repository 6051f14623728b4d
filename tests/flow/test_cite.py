"""cite: markers become citations of exact spans, numbered in the order of reading."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from fakes import passage, stream_of

from chatbot.flow.cite import cite, evidence
from chatbot.flow.segment import segment
from chatbot.schema import Citation, Delta, Passage, Sentence, Stop

KETTLE = passage("The kettle holds four litres. It is blue.", 1, start=100)
POT = passage("A pot is made of clay. Clay is fired at 900 degrees.", 2, start=50, page=3)
PAN = passage("Pans are flat.", 3)

MARKER = re.compile(r"\[(\d+)\]")


async def _cited(*deltas: str, passages: tuple[Passage, ...] = (KETTLE, POT, PAN)) -> list[Any]:
    items = [*(Delta(text=text) for text in deltas), Stop()]
    return [item async for item in cite(segment(stream_of(items)), passages)]


def _text(items: list[Any]) -> str:
    return "".join(item.text for item in items if isinstance(item, Delta))


def _citations(items: list[Any]) -> list[Citation]:
    return [item for item in items if isinstance(item, Citation)]


async def test_markers_are_numbered_in_the_order_they_first_appear() -> None:
    items = await _cited("Flat. [3] Blue. [1] Flat again. [3] Clay. [2]")

    assert _text(items) == "Flat. [1] Blue. [2] Flat again. [1] Clay. [3]"
    assert [citation.source for citation in _citations(items)] == ["3.md", "1.md", "3.md", "2.md"]


async def test_a_marker_that_points_to_no_document_disappears_with_its_space() -> None:
    items = await _cited("Blue. [9] Clay. [0] Flat. [3]")

    assert _text(items) == "Blue. Clay. Flat. [1]"
    assert [citation.marker for citation in _citations(items)] == [1]


async def test_without_passages_no_marker_survives() -> None:
    items = await _cited("Blue. [1] So.", passages=())

    assert _text(items) == "Blue. So."
    assert _citations(items) == []


async def test_the_kth_citation_belongs_to_the_kth_marker() -> None:
    items = await _cited("Flat and clay. [3] [2] Blue. [1] [7] Clay again [2] in the middle.")

    assert [int(number) for number in MARKER.findall(_text(items))] == [each.marker for each in _citations(items)]


@pytest.mark.parametrize("seed", range(60))
async def test_markers_survive_any_cutting_of_the_text(seed: int) -> None:
    chance = random.Random(seed)
    said = "".join(f"Claim {i} is made.{chance.choice([' [1]', ' [2]', ' [3] [1]', '[2]', ' [8]', ''])} " for i in range(6))
    whole = _text(await _cited(said))
    cuts = sorted(chance.sample(range(1, len(said)), chance.randint(1, len(said) - 1)))
    pieces = [said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)]

    items = await _cited(*pieces)

    assert _text(items) == whole
    assert [int(number) for number in MARKER.findall(whole)] == [each.marker for each in _citations(items)]
    assert "".join(item.text for item in items if isinstance(item, Sentence)).split() == whole.split()


async def test_no_delta_ends_inside_a_marker() -> None:
    items = await _cited("Blue. ", "[", "1", "]", " Yes")

    assert [item.text for item in items if isinstance(item, Delta)] == ["Blue.", " [1]", " Yes"]


async def test_brackets_that_are_no_markers_are_left_alone() -> None:
    said = "An array[i] of [12345] and [see below] and a lone [ or [7"

    assert _text(await _cited(said)) == said


async def test_a_citation_spans_the_sentence_that_says_it_counted_in_the_document() -> None:
    (citation,) = _citations(await _cited("The kettle holds four litres. [1]"))

    assert citation.cited_text == "The kettle holds four litres."
    assert (citation.start, citation.end) == (100, 129)


LIST = passage("Tools:\n\n- a copper kettle of four litres\n- a clay pot from the kiln\n- a flat iron pan", 1, start=10)


@pytest.mark.parametrize("between", [" ", "\n- "])
async def test_items_without_a_full_stop_each_get_their_own_words(between: str) -> None:
    said = ["a copper kettle of four litres", "a clay pot from the kiln", "a flat iron pan"]

    items = await _cited(between.join(f"{each} [1]" for each in said), passages=(LIST,))

    assert [citation.cited_text for citation in _citations(items)] == said


async def test_sentences_of_a_script_without_spaces_each_get_their_own_words() -> None:
    text = "模型预测下一个词。温度改变概率。"

    items = await _cited("模型预测下一个词。 [1] 温度改变概率。 [1]", passages=(passage(text, 1),))

    assert [citation.cited_text for citation in _citations(items)] == ["模型预测下一个词。", "温度改变概率。"]


async def test_a_quote_is_found_across_the_line_breaks_of_its_source() -> None:
    broken = passage("One thing. The kettle\nholds   four\nlitres. The kettle holds five.", 1)

    (citation,) = _citations(await _cited("The kettle holds four litres. [1]", passages=(broken,)))

    assert citation.cited_text == "The kettle\nholds   four\nlitres."


async def test_words_inside_longer_words_are_no_quote() -> None:
    (citation,) = _citations(await _cited("Pan [1]", passages=(passage("Pans are flat. A pan is hot. Pan", 1),)))

    assert citation.start > 0


async def test_a_citation_names_collection_source_title_and_page() -> None:
    (citation,) = _citations(await _cited("Fired at 900 degrees. [2]"))

    assert (citation.chunk_id, citation.collection, citation.source) == ("chunk-2", "handbook", "2.md")
    assert (citation.title, citation.page) == ("Title 2", 3)


async def test_a_paraphrase_cites_the_sentence_it_shares_most_words_with() -> None:
    (citation,) = _citations(await _cited("Firing happens with clay at 900 degrees. [2]"))

    assert citation.cited_text == "Clay is fired at 900 degrees."


async def test_a_claim_that_shares_no_word_cites_the_whole_passage() -> None:
    (citation,) = _citations(await _cited("Entirely different. [2]"))

    assert citation.cited_text == POT.chunk.text
    assert (citation.start, citation.end) == (POT.chunk.start, POT.chunk.end)


async def test_a_marker_that_arrives_in_pieces_cites_for_the_sentence_before_it() -> None:
    (citation,) = _citations(await _cited("The kettle holds four litres. [", "1] It is blue."))

    assert citation.cited_text == "The kettle holds four litres."


async def test_citations_come_right_behind_their_sentence() -> None:
    items = await _cited("Blue. [1] Flat. [3]")

    kinds = [type(item).__name__ for item in items if not isinstance(item, Delta)]
    assert kinds == ["Sentence", "Citation", "Sentence", "Citation", "Stop"]


@pytest.mark.parametrize("claim", ["", "   ", "[]", "…", "x" * 10_000, "the of and"])
def test_evidence_is_always_a_span_of_the_text(claim: str) -> None:
    text = POT.chunk.text

    start, end = evidence(claim, text)

    assert 0 <= start < end <= len(text)


async def test_closing_it_closes_what_it_reads() -> None:
    closed: list[bool] = []
    stream = cite(stream_of([Delta(text="One. "), Delta(text="Two. ")], lambda: closed.append(True)), [KETTLE])
    await anext(stream)

    await stream.aclose()

    assert closed == [True]
