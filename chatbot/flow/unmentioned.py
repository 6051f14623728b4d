"""unmentioned: a number or year that a question takes for granted, and that stands nowhere in what was found, is named."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatbot.schema import Passage

_NUMBER = re.compile(r"(?<![\w.,-])\d{2,}(?:[.,]\d+)*(?![\w-])")
"""Two digits or more, standing alone: "GPT-4" is a name, and "the 2 ways" a way of speaking."""
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")


def unmentioned(question: str, passages: Sequence[Passage]) -> list[str]:
    """The numbers of the question that no passage holds: what never says 2019 does not tell why something happened then."""
    found = " ".join(text for each in passages for text in (each.title, *each.chunk.heading_path, each.chunk.text))
    known = {_plain(number) for number in _DIGITS.findall(found)}
    return [number for number in dict.fromkeys(_NUMBER.findall(question)) if _plain(number) not in known]


def _plain(number: str) -> str:
    """1,000 and 1000 are one number; 1.50 and 1.5 stay two, for a version may be either."""
    return number.replace(",", "")
