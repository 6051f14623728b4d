"""An arriving answer is cut into sentences: the same however its text is cut, Markdown's blocks and code kept whole."""

from __future__ import annotations

import random
import re

import pytest

from chatbot import markers
from chatbot.arriving import Arriving, split
from chatbot.bootstrap import shipped

FRAGMENTS = (
    *("One thing is so", "Dr. Smith", "A. B", "fig. 3", " U.S. ", " 3.5 ", "Foo. ", "Bar! [1] ", "**bold.**", "x", "1"),
    *(" [1]", "[2]", " [1, 2]", " [^3]", " 【1】", "【2†L3-L5】", "【1†L3.5】", "[", "]"),
    *(".", "…", "?", "”", " ", "    ", "\n", "\n\n", "- ", "1. ", "> ", "# Title", "| a | b |"),
    *("```", "```py", "~~~", "`x[0]`", "``a`b``", "`", "\\`", "\u2060", "\n```py\ny = x[1]. Z\n```\n"),
    *("模型是。", "再见！", "🙂", "👩‍👩‍👧 ok", "\n- item [1]\n- item two. Yes\n", "\n## Head. Two\n"),
    "\n| a | b [1] |\n|---|---|\n| c. D | d |\n",
)
PRIMER = (shipped("knowledge") / "llm-primer" / "05-self-attention.md").read_text(encoding="utf-8")[:1500]


def _cut(text: str, cuts: list[int]) -> tuple[list[str], list[bool]]:
    """The sentences, and for each character whether it is code."""
    arriving, edges = Arriving(), [0, *cuts, len(text)]
    pieces = [piece for a, b in zip(edges, edges[1:], strict=False) for piece in arriving.feed(text[a:b])]
    said, is_code = [""], list[bool]()
    for piece in [*pieces, *arriving.finish()]:
        said[-1] += piece.text
        is_code += [piece.is_code] * len(piece.text)
        if piece.ends:
            said.append("")
    return [each for each in said if each], is_code


def _parts(text: str) -> list[str]:
    return [text[start:end] for start, end in split(text)]


@pytest.mark.parametrize("seed", range(40))
def test_sentences_are_the_same_however_the_text_is_cut(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(25):
        text = "".join(chance.choices(FRAGMENTS, k=chance.randint(2, 20))) + "."
        whole = _cut(text, [])
        anywhere = [sorted(chance.sample(range(1, len(text)), chance.randint(1, len(text) - 1))) for _ in range(3)]

        assert "".join(whole[0]) == text
        for cuts in [list(range(1, len(text))), *anywhere]:
            assert _cut(text, cuts) == whole


@pytest.mark.parametrize("seed", range(10))
def test_what_is_code_is_what_markers_call_code(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        text = "".join(chance.choices(FRAGMENTS, k=chance.randint(2, 20)))
        is_code = _cut(text, [])[1]
        outside = "".join("_" if code else character for character, code in zip(text, is_code, strict=True))

        found = [match.start("number") for match in markers.found(text)]
        assert not any(is_code[place] for place in found)
        assert found == [match.start(1) for match in re.finditer(r"\[(\d{1,3})\]", outside)]


def test_what_was_said_is_split_as_prose() -> None:
    assert "".join(_cut(PRIMER, list(range(1, len(PRIMER))))[0]) == PRIMER
    assert _cut(PRIMER, list(range(1, len(PRIMER)))) == _cut(PRIMER, [])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two [1]. Three.[2] Four? [1][2] Five", ["One.", "Two [1].", "Three.[2]", "Four? [1][2]", "Five"]),
        ("One. [1, 2] Two. 【1】 Three", ["One. [1, 2]", "Two. 【1】", "Three"]),
        ("It is 3.5, says Dr. Smith. Yes", ["It is 3.5, says Dr. Smith.", "Yes"]),
        ("**One.** Two", ["**One.**", "Two"]),
        ("第一句。第二句！", ["第一句。", "第二句！"]),
        ("# A title. Long\nText", ["# A title. Long", "Text"]),
        ("Steps:\n1. One. Two\n- three\n+ four", ["Steps:", "One.", "Two", "three", "+ four"]),
        ("| a. B | c |\n|---|---|\n| d | e |\nText", ["| a. B | c |", "|---|---|", "| d | e |", "Text"]),
        ("See:\n```py\nx = 1. Y\n\nz\n```\nText. More", ["See:", "```py\nx = 1. Y\n\nz\n```", "Text.", "More"]),
        ("```\nOne. Two\n\nnever closed", ["```\nOne. Two\n\nnever closed"]),
        ("Say `a. B` or ``c`. D``. End", ["Say `a. B` or ``c`. D``.", "End"]),
        ("A lone ` here. Next\nline ` here. End", ["A lone ` here.", "Next\nline ` here.", "End"]),
        ("One\ntwo\n\nthree", ["One\ntwo", "three"]),
        ("Code. ```x\nIs none", ["Code. ```x\nIs none"]),
        ("", []),
    ],
)
def test_an_answer_is_split(text: str, parts: list[str]) -> None:
    assert _parts(text) == parts


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("One", "One"),
        ("One. ", "One. "),
        ("One. [", "One. "),
        ("One [1, ", "One "),
        ("One `x", "One "),
        ("One `x` t", "One `x` t"),
        ("One\n", "One"),
        ("One\n-", "One"),
        ("One\n```py", "One"),
        ("One\n```py\nx", "One\n```py\nx"),
        ("```\nx\n``", "```\nx\n"),
    ],
)
def test_what_more_text_could_change_is_held(text: str, left: str) -> None:
    assert "".join(piece.text for piece in Arriving().feed(text)) == left


@pytest.mark.parametrize(
    "text", ["word " * 20_000, "```\n" + "x[1]. " * 20_000, "a ` " + "word " * 20_000, "- " * 20_000, "[1, " * 20_000]
)
def test_a_long_answer_takes_no_longer_by_the_word(text: str) -> None:
    """Were it to look again at all that came before, each of these would take minutes."""
    arriving = Arriving()
    came = [len(piece.text) for start in range(0, len(text), 12) for piece in arriving.feed(text[start : start + 12])]

    assert sum(came) + sum(len(piece.text) for piece in arriving.finish()) == len(text)
