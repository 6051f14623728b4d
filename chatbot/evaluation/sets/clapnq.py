"""CLAPnq: natural questions, each with one passage that answers it at length or does not answer it."""

from __future__ import annotations

from typing import NamedTuple

from chatbot.evaluation.corpus import Text
from chatbot.evaluation.sets.folder import DataFolder, lines


class Asked(NamedTuple):
    id: str
    question: str
    passage: Text
    gold: tuple[str, ...]
    """The passage's sentences that answer; none where it does not."""
    answer: str
    """Written by a person from those sentences."""


def clapnq(data: DataFolder) -> list[Asked]:
    """
    Raises:
        DataMissing: as `DataFolder.part`.
    """
    return [
        Asked(
            id=str(row["id"]),
            question=row["input"],
            passage=Text(str(row["id"]), row["passages"][0]["title"], row["passages"][0]["text"]),
            gold=tuple(row["output"][0]["selected_sentences"]),
            answer=row["output"][0]["answer"],
        )
        for name in ("answerable", "unanswerable")
        for row in lines(data.file("clapnq", f"{name}.jsonl.gz"))
    ]
