"""divide: a long message becomes its questions, and two in one breath become two, the second a follow-up of the first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from chatbot.language import questions
from chatbot.schema import Message, Passage, Query


def to_the_point(query: Query) -> Query:
    """A long message's questions, behind what it tells, as if that had been said before."""
    told, asked = questions.told_and_asked(query.text)
    if not told:
        return query
    return query.model_copy(update={"text": asked, "history": (*query.history, Message(role="user", content=told))})


def divide(query: Query) -> list[Query]:
    """The query, or one for each of its questions."""
    parts = questions.split(query.text)
    asked = [Message(role="user", content=part) for part in parts]
    return [
        query.model_copy(update={"text": part, "history": (*query.history, *asked[:number])}) for number, part in enumerate(parts)
    ]


def merged(found: Sequence[Sequence[Passage]]) -> list[Passage]:
    """The best passage of each question, then the second of each; none twice, numbered anew."""
    rounds = [passage for each in zip_longest(*found) for passage in each if passage is not None]
    distinct = {passage.chunk.id: passage for passage in reversed(rounds)}
    ordered = [distinct.pop(passage.chunk.id) for passage in rounds if passage.chunk.id in distinct]
    return [passage.model_copy(update={"rank": rank}) for rank, passage in enumerate(ordered, 1)]
