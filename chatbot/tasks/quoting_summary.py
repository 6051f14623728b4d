"""summarize without a model that writes: the most central sentences, word for word, in the order of the document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from chatbot import markers
from chatbot.encoders import Vectors
from chatbot.errors import BadInput
from chatbot.language.prose import dangles
from chatbot.schema import Chunk, Citation, DeltaReleased, Passage, Stop, Value
from chatbot.tasks.central import central
from chatbot.tasks.documents import Manuscript, Span, prose
from chatbot.tasks.events import TaskProgress
from chatbot.tasks.inputs import DocumentName, Inputs
from chatbot.tasks.task import Outcome, Step
from chatbot.tasks.work import Work

_SENTENCES = {"short": 3, "medium": 6, "long": 12}
_BATCH = 128
"""Sentences encoded between two words about how far it is: one or two seconds."""


class SummarizeInputs(Inputs):
    text: str = Field("", description="The text to summarize, unless you name a document.")
    document: DocumentName = Field("", description="A document of yours, as collection/source.")
    length: Literal["short", "medium", "long"] = Field("medium", description="How long the summary is.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(self.text.strip()) == bool(self.document):
            raise ValueError("give a 'text' or a 'document'" + (", and not both" if self.document else ""))
        return self


class Quoted(Value):
    text: str
    start: int
    """Place in the text, or in the document's extracted text, in characters."""
    end: int


class Summary(Value):
    parts: int = 1
    """Into how many the text was cut so that each fits into a call; 1 where it was read in one go."""
    rounds: int = 0
    """How often summaries of parts were summarized."""
    sentences: tuple[Quoted, ...] = ()
    """Where it is made of quotes."""


class _Sentence(NamedTuple):
    span: Span
    chunk: Chunk | None


async def quote(inputs: SummarizeInputs, work: Work) -> AsyncGenerator[Step]:
    """Encode every sentence and quote the central ones."""
    manuscript = await work.manuscript(inputs.document) if inputs.document else None
    text = manuscript.text if manuscript else inputs.text
    sentences = await asyncio.to_thread(_sentences, manuscript, text)
    if not sentences:
        raise BadInput("there is no whole sentence in it that could be quoted")
    vectors: list[Vectors] = []
    for done in range(0, len(sentences), _BATCH):
        if len(sentences) > _BATCH:
            yield TaskProgress(what="reading sentences", done=done, total=len(sentences))
        batch = [_flat(text, each.span) for each in sentences[done : done + _BATCH]]
        vectors.append(await asyncio.to_thread(work.parts.encoder.encode, batch))
    chosen = central(np.concatenate(vectors), _SENTENCES[inputs.length])
    outcome = _outcome(text, manuscript, [sentences[row] for row in chosen])
    yield DeltaReleased(text=outcome.text)
    yield outcome


def _sentences(manuscript: Manuscript | None, text: str) -> list[_Sentence]:
    """Those that can stand alone."""
    if manuscript is None:
        found = [_Sentence(span, None) for span in prose(text)]
    else:
        found = [_Sentence(span, chunk) for chunk in manuscript.chunks for span in prose(chunk.text, chunk.start)]
    return [each for each in found if not dangles(text[each.span[0] :])]


def _outcome(text: str, manuscript: Manuscript | None, picked: Sequence[_Sentence]) -> Outcome:
    numbers: dict[str, int] = {}
    lines, citations, passages = list[str](), list[Citation](), list[Passage]()
    for span, chunk in picked:
        line = f"- {markers.literal(_flat(text, span))}"
        if manuscript and chunk:
            if chunk.id not in numbers:
                numbers[chunk.id] = len(numbers) + 1
                passages.append(manuscript.passage(chunk, numbers[chunk.id]))
            citations.append(manuscript.citation(chunk, span, numbers[chunk.id]))
            line += f" [{numbers[chunk.id]}]"
        lines.append(line)
    quoted = tuple(Quoted(text=text[start:end], start=start, end=end) for (start, end), _ in picked)
    stop = Stop(model="extractive")
    return Outcome("\n".join(lines), Summary(sentences=quoted), tuple(citations), tuple(passages), bool(citations), stop=stop)


def _flat(text: str, span: Span) -> str:
    return " ".join(text[span[0] : span[1]].split())
