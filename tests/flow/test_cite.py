"""cite: markers become citations of exact spans, numbered in the order of reading."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from fakes import passage, stream_of

from chatbot import markers, prompts
from chatbot.bootstrap import shipped
from chatbot.engines import extractive
from chatbot.flow.attribute import MIN_SHARE, Attribution
from chatbot.flow.cite import cite
from chatbot.flow.segment import segment
from chatbot.schema import Citation, Delta, Passage, Sentence, Stop, Verdict

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


FRAGMENTS = (
    *(
        "The kettle holds four litres",
        "Clay is fired at 900 degrees",
        "Copper pans conduct heat better",
        "It is blue",
        "see fig. 3",
    ),
    *(" [1]", "[2]", " [3]", " [9]", " [1, 2]", " [2, 9]", " in [1, 2]", " [^1]", " 【2】", "【3†L1-L2】", "[", "[1"),
    *(". ", ".", "? ", "! ", "\n", "\n\n", "\n- ", "\n1. ", "\n## ", "\n| a | b |\n", " ", "**", "…", "”"),
    *(
        "`x[0]`",
        "``a`[1]``",
        "`",
        "\n```py\nx[1]. Y\n```\n",
        "\n~~~\n",
        "\n[9] ```py\n",
        "模型是什么。",
        "锅是平的！",
        "🙂",
        "👩‍👩‍👧",
    ),
)


@pytest.mark.parametrize("seed", range(40))
async def test_any_cutting_gives_the_same_text_sentences_citations_and_verdicts(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(10):
        said = "".join(chance.choices(FRAGMENTS, k=chance.randint(3, 25)))
        whole = await _cited(said)
        assert markers.numbers(_text(whole)) == [each.marker for each in _citations(whole)]
        assert "".join(item.text for item in whole if isinstance(item, Sentence)) == _text(whole)
        anywhere = [sorted(chance.sample(range(1, len(said)), chance.randint(1, len(said) - 1))) for _ in range(3)]
        for cuts in [list(range(1, len(said))), *anywhere]:
            items = await _cited(*(said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)))

            assert _text(items) == _text(whole)
            assert [item for item in items if not isinstance(item, Delta)] == [
                each for each in whole if not isinstance(each, Delta)
            ]


async def test_no_delta_ends_inside_a_marker() -> None:
    items = await _cited("Blue. ", "[", "1", "]", " Yes")

    assert [item.text for item in items if isinstance(item, Delta)] == ["Blue.", " [1]", " ", "Yes"]


async def test_brackets_that_are_no_markers_are_left_alone() -> None:
    said = "An array[i] of [12345] and [see below]? And a lone [ or [7?"

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

    start, end = Attribution([POT]).evidence(1, claim)

    assert 0 <= start < end <= len(text)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Flat [1, 2].", "Flat [1] [2]."),
        ("Flat.[1,2,3]", "Flat. [1] [2] [3]"),
        ("Flat [2; 1].", "Flat [1] [2]."),
        ("Flat. [^2]", "Flat. [1]"),
        ("Flat。【3】", "Flat。 [1]"),
        ("Flat. 【2†L3-L5】", "Flat. [1]"),
        ("Flat [1][2] [1].", "Flat [1] [2] [1]."),
        ("**Flat.** [2]", "**Flat.** [1]"),
        # one number is unknown, or the words before announce numbers
        ("Is it in [0, 1]?", "Is it in [0, 1]?"),
        ("Is it in [1, 2]?", "Is it in [1, 2]?"),
        ("Is x = [1, 2, 3]?", "Is x = [1, 2, 3]?"),
        ("Why between [1, 2]?", "Why between [1, 2]?"),
        ("Flat [2, 9]?", "Flat [2, 9]?"),
        ("Gone [^9]? Gone 【9】?", "Gone? Gone?"),
    ],
)
async def test_forms_that_models_write_become_markers(said: str, expected: str) -> None:
    for deltas in ([said], list(said)):
        items = await _cited(*deltas)

        assert _text(items) == expected
        assert markers.numbers(_text(items)) == [each.marker for each in _citations(items)]


@pytest.mark.parametrize(
    "code",
    [
        "```py\nx[1]. Y = z[2]\n\nw[9]\n```",
        "~~~\nx[1]\n~~~",
        "```\nx[1] is never closed",
        "`x[1]`",
        "``a`[2] b``",
        "- ```\n  x[9]\n  ```",
    ],
)
async def test_code_is_left_as_it_is(code: str) -> None:
    said = f"See this:\n{code}"
    for deltas in ([said], list(said)):
        items = await _cited(*deltas)

        assert _text(items) == said
        assert _citations(items) == []


async def test_a_backtick_without_its_partner_opens_no_code() -> None:
    items = await _cited("The ` key. [2] It is blue. [9]\nOne ` more? [1]")

    assert _text(items).startswith("The ` key. [1] It is blue")
    assert [each.source for each in _citations(items)] == ["2.md", "1.md"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Blue [1] and wide [2].", ["Blue", "and wide"]),
        ("Blue. [1] [2][3]", ["Blue.", "Blue.", "Blue."]),
        ("[1] says that it is blue.", ["says that it is blue."]),
    ],
)
async def test_a_marker_stands_behind_the_words_since_the_one_before(said: str, expected: list[str]) -> None:
    passages = tuple(passage(f"Other words. {each} More words.", rank) for rank, each in enumerate(expected, 1))

    assert [
        each.cited_text.removesuffix(" More words.") for each in _citations(await _cited(said, passages=passages))
    ] == expected


async def test_an_uncited_sentence_that_a_passage_says_is_cited_before_its_white_space() -> None:
    items = await _cited("The kettle can hold four litres.\n\nClay is fired at 900 degrees.")

    assert _text(items) == "The kettle can hold four litres. [1]\n\nClay is fired at 900 degrees. [2]"
    assert [each.cited_text for each in _citations(items)] == ["The kettle holds four litres.", "Clay is fired at 900 degrees."]
    assert [each.text for each in items if isinstance(each, Sentence)] == [
        "The kettle can hold four litres. [1]\n\n",
        "Clay is fired at 900 degrees. [2]",
    ]


async def test_a_row_of_a_table_is_cited_inside_its_last_cell() -> None:
    items = await _cited("| What | Where |\n|---|---|\n| clay is fired | at 900 degrees |\n")

    assert _text(items).endswith("| clay is fired | at 900 degrees [1] |\n")


async def test_an_uncited_sentence_that_no_passage_says_is_marked() -> None:
    items = await _cited("- Copper pans conduct heat seven times better.\n- The kettle holds four litres. [1]")
    (verdict,) = [item for item in items if isinstance(item, Verdict)]

    assert (verdict.filter, verdict.grade, verdict.action, verdict.category) == ("citation", "uncertain", "mark", "uncited")
    assert (verdict.sentence, verdict.evidence, verdict.threshold) == (0, "", MIN_SHARE)
    assert (
        "- Copper pans conduct heat seven times better.\n"[slice(*verdict.span)] == "Copper pans conduct heat seven times better."
    )


async def test_a_number_that_differs_is_no_support() -> None:
    items = await _cited("Clay is fired at 800 degrees.")

    assert _citations(items) == []
    assert [item.score for item in items if isinstance(item, Verdict)] == [0.0]


@pytest.mark.parametrize(
    "said",
    [
        "Which copper pans conduct heat best?",
        "# Copper pans conduct heat better",
        "Here are the copper pans that conduct heat:",
        "```\ncopper pans conduct heat better\n```",
        "Copper conducts.",
        "The documents do not say which copper pans conduct heat better.",
        "There is no mention of copper pans in the provided context.",
        "I'm sorry, I cannot tell which copper pans conduct heat.",
        "| Copper pans | that conduct | heat better |\n|---|---|---|\n",
        "According to “Copper pans conduct heat. A history of metal”:",
    ],
)
async def test_what_states_nothing_needs_no_source(said: str) -> None:
    assert [item for item in await _cited(said) if isinstance(item, (Verdict, Citation))] == []


@pytest.mark.parametrize("collection", ["handbook", "llm-primer"])
async def test_quotes_come_out_as_the_extractive_engine_said_them_and_none_is_doubted(collection: str) -> None:
    engine = extractive.ExtractiveEngine.model_construct(prompts=prompts.load([shipped("prompts")]))
    for path in sorted((shipped("knowledge") / collection).glob("*.md")):
        found = passage(path.read_text(encoding="utf-8"), 1, title=path.stem)
        documents = [{"text": found.chunk.text, "title": found.title, "source": found.source, "start": 0}]
        quotes = extractive._candidates(documents)  # pyright: ignore[reportPrivateUsage]
        for start in range(0, len(quotes), 4):
            said = "".join(engine._say(quotes[start : start + 4]))  # pyright: ignore[reportPrivateUsage]
            items = await _cited(*(said[i : i + 7] for i in range(0, len(said), 7)), passages=(found,))

            assert _text(items) == said
            assert len(_citations(items)) == len(quotes[start : start + 4])
            assert [item for item in items if isinstance(item, Verdict)] == []


async def test_closing_it_closes_what_it_reads() -> None:
    closed: list[bool] = []
    stream = cite(stream_of([Delta(text="One. "), Delta(text="Two. ")], lambda: closed.append(True)), [KETTLE])
    await anext(stream)

    await stream.aclose()

    assert closed == [True]
