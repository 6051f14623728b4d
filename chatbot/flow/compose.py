"""compose: what the engine is asked, with the passages inside the prompt for one that writes and beside it for one that quotes.

A writing engine sees a conversation that only grows: stable text first, every passage where its question first brought it, the
new question last. So the prefix cache of its server holds all but the last turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from chatbot import markers
from chatbot.prompts import Prompt
from chatbot.sampling import Sampling
from chatbot.schema import Message, Passage, Query, Value

REFUSAL = "NO ANSWER"
"""What a writing engine is told to say, and nothing else, where the documents do not answer."""


class EngineDocument(Value):
    """One passage as the engine gets it. `title` and `text` are the fields that chat templates look for."""

    source: str
    """Id of the document it is from: passages of one source share it."""
    title: str
    section: str
    """Headings it stands under, outermost first, joined by " > "; without the title."""
    text: str
    start: int
    """Place of the text in its source, in characters."""


class EngineRequest(Value):
    """Messages, and for an engine that quotes the documents beside them."""

    messages: tuple[Message, ...]
    documents: tuple[EngineDocument, ...] = ()
    passages: tuple[Passage, ...] = ()
    """What the engine's markers point to, which count from 1 in this order (the chat-template convention)."""
    sampling: Sampling = Sampling()
    max_sentences: int | None = None
    """That an engine which quotes may quote; None for one that writes."""


class Cut(NamedTuple):
    """What was left out so that the prompt fits."""

    passages: int = 0
    """Of this question's, from the lowest rank."""
    turns: int = 0
    """Of the history, from the oldest."""


class _PastTurn(NamedTuple):
    question: Message
    answers: tuple[Message, ...]


def compose_quote(query: Query, passages: Sequence[Passage], max_sentences: int | None = None) -> EngineRequest:
    """For an engine that quotes: the questions as they were asked, the documents beside them."""
    question = Message(role="user", content=query.text)
    return EngineRequest(
        messages=(*query.history, question),
        documents=tuple(map(_document, passages)),
        passages=tuple(passages),
        max_sentences=max_sentences,
    )


def compose(
    query: Query,
    passages: Sequence[Passage],
    earlier: Mapping[str, Passage],
    prompts: Mapping[str, Prompt],
    cut: Cut = Cut(),  # noqa: B008  a frozen value
) -> EngineRequest:
    """For an engine that writes. `earlier` holds the chunks of earlier turns, by id, as far as they still exist."""
    sheet = _Sheet(prompts)
    messages = [Message(role="system", content=prompts["answer"].text("system", refusal=REFUSAL).strip())]
    for turn in _turns(query.history)[cut.turns :]:
        brought = [earlier[id_] for answer in turn.answers for id_ in answer.chunks if id_ in earlier]
        messages.append(sheet.question(turn.question.content, brought))
        messages += [sheet.answer(answer) for answer in turn.answers]
    messages.append(sheet.question(query.text, _in_reading_order(passages[: len(passages) - cut.passages])))
    return EngineRequest(messages=tuple(messages), passages=tuple(sheet.passages))


def past_turns(query: Query) -> int:
    """How many there are that could be cut."""
    return len(_turns(query.history))


class _Sheet:
    """Numbers each passage where it first comes up, and fills in the prompts."""

    def __init__(self, prompts: Mapping[str, Prompt]) -> None:
        self._prompts = prompts
        self._numbers: dict[str, int] = {}
        self.passages: list[Passage] = []

    def question(self, text: str, brought: Sequence[Passage]) -> Message:
        """A question behind those of its passages that did not stand before it."""
        documents = "\n\n".join(self._documents(brought))
        content = self._prompts["answer"].text("user", documents=documents, question=text).strip()
        return Message(role="user", content=content)

    def answer(self, said: Message) -> Message:
        """An earlier answer, its markers numbered as the engine numbers."""
        numbers = [self._numbers.get(id_) for id_ in said.cited]
        return Message(role="assistant", content=markers.unescaped(markers.renumbered(said.content, numbers)))

    def _documents(self, brought: Sequence[Passage]) -> Iterator[str]:
        for passage in brought:
            if passage.chunk.id not in self._numbers:
                self.passages.append(passage)
                self._numbers[passage.chunk.id] = number = len(self.passages)
                document = _document(passage)
                heading = " > ".join(filter(None, [document.title, document.section]))
                date = passage.date or "unknown"
                prompt = self._prompts["document"]
                yield prompt.text("user", number=str(number), date=date, heading=heading, text=document.text).strip()


def _in_reading_order(passages: Sequence[Passage]) -> list[Passage]:
    """Those of one section stand together, as the section has them, in the place of the best of them."""
    places: dict[tuple[str, ...], int] = {}
    for place, passage in enumerate(passages):
        places.setdefault(_section(passage), place)
    return sorted(passages, key=lambda passage: (places[_section(passage)], passage.chunk.start))


def _section(passage: Passage) -> tuple[str, ...]:
    return (passage.chunk.document_id, *passage.chunk.heading_path)


def _turns(history: Sequence[Message]) -> list[_PastTurn]:
    """Each question with what was answered; words of the bot before the first question have no question to stand behind."""
    turns: list[_PastTurn] = []
    for message in history:
        if message.role == "user":
            turns.append(_PastTurn(message, ()))
        elif message.role == "assistant" and turns:
            turns[-1] = turns[-1]._replace(answers=(*turns[-1].answers, message))
    return turns


def _document(passage: Passage) -> EngineDocument:
    chunk = passage.chunk
    headings = chunk.heading_path[1:] if chunk.heading_path[:1] == (passage.title,) else chunk.heading_path
    section = " > ".join(headings)
    return EngineDocument(source=chunk.document_id, title=passage.title, section=section, text=chunk.text, start=chunk.start)
