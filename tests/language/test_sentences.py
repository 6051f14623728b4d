"""Sentences of documents end where readers say they end."""

from __future__ import annotations

import re

import pytest

from chatbot.language import sentences

MIXED = """He said "Stop." Then he left (at once). See Fig. 3. Yes! It costs $3.5 million, e.g. in the U.S. today.
Dr. Smith et al. 2017 said so [1]. Next [2] one. Wait... what? Really?!

1. First things first. Then more.
2. Second things

- a bullet
- another. With a second sentence.

中文在此。再见！ It ended in 12. And that was 3.0 times better.[3][4] The end"""


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences.split(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith met Prof. Jones.",
        "J. Smith wrote it.",
        "Vaswani et al. 2017 proposed it.",
        "See Fig. 3 for more.",
        "It grew by 3.5 percent.",
        "Some animals, e.g. cats, purr.",
        "Version 1.2.3 is out.",
        "The file is named notes.txt today.",
        "He asked “Why?” and left.",
        "It waits... and goes on.",
        "The sky is blue [1] [2].",
        "The sky is blue. [1]",
        "No end at all",
    ],
)
def test_it_stays_one_sentence(text: str) -> None:
    assert split(text) == [text]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two.", ["One.", "Two."]),
        ("Really?! Yes.", ["Really?!", "Yes."]),
        ("See the appendix. It is long.", ["See the appendix.", "It is long."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("It is blue. [1] It is wide. [2]", ["It is blue. [1]", "It is wide. [2]"]),
        ("It is blue.[1][2] It is wide.", ["It is blue.[1][2]", "It is wide."]),
        ("第一句。第二句！", ["第一句。", "第二句！"]),
        ("A paragraph\n\nAnother", ["A paragraph", "Another"]),
        ("- one\n- two\n• three", ["one", "two", "three"]),
        ("Steps:\n1. Open it. Wait.\n2. Close it.", ["Steps:", "Open it.", "Wait.", "Close it."]),
        ("  spaces around.  \n", ["spaces around."]),
        ("", []),
        (" \n\n ", []),
    ],
)
def test_it_is_split_into_its_sentences(text: str, parts: list[str]) -> None:
    assert split(text) == parts


def test_nothing_but_white_space_and_bullets_lies_between_sentences() -> None:
    position = 0
    for start, end in sentences.split(MIXED):
        assert re.fullmatch(r"\s*(?:(?:[-*•]|\d{1,2}[.)])\s+)?", MIXED[position:start])
        position = end
    assert MIXED[position:].strip() == ""
