"""An answer as far as it has come, folded from the events of the flow. It knows nothing about HTML or Gradio."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from chatbot import arriving, markers
from chatbot.schema import (
    Answer,
    AnswerEvent,
    Citation,
    Cited,
    Completed,
    DeltaReleased,
    Failed,
    Judged,
    Message,
    Passage,
    Replaced,
    Retrieved,
    Verdict,
)

Phase = Literal["searching", "reading", "answering", "answered", "abstained", "stopped", "refused", "failed"]

_BUSY = {"searching", "reading", "answering"}
_PLAIN = {"", "extractive"}
"""Engines that write no Markdown."""


@dataclass(frozen=True)
class Turn:
    """The machine's side of one exchange."""

    phase: Phase = "searching"
    raw: str = ""
    """The deltas joined, markers inside."""
    replaced: tuple[tuple[int, str], ...] = ()
    """Sentences of `raw` that were taken back, by index, and what stands in their place."""
    citations: tuple[Citation, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    passages: tuple[Passage, ...] = field(default=(), repr=False)
    chunks: tuple[str, ...] = ()
    """Ids of the passages that the engine had before it, known once the answer is finished."""
    is_markdown: bool = False
    """Its engine writes Markdown; a quote is shown as it is."""
    note: str = ""
    """A remark below the answer, or what went wrong."""

    @property
    def busy(self) -> bool:
        """True until the answer's last event."""
        return self.phase in _BUSY

    @property
    def plain(self) -> str:
        """The words without markers."""
        return markers.unescaped(markers.strip("".join(text for text, _ in self.pieces()))).strip()

    def said(self) -> Message:
        """The answer as the history of a later question has it."""
        text, places = self.shown()
        cited = tuple(self.citations[place].chunk_id for place in places if place < len(self.citations))
        return Message(role="assistant", content=text.strip(), chunks=self.chunks, cited=cited)

    def pieces(self) -> Iterator[tuple[str, int]]:
        """Stretches of text, each with the number of markers before it; what was taken back is replaced already."""
        if not self.replaced:
            yield self.raw, 0
            return
        instead, begun = dict(self.replaced), 0
        places = [match.start() for match in markers.found(self.raw)]
        for index, (start, end) in enumerate(arriving.split(self.raw)):
            yield self.raw[begun:start], bisect_left(places, begun)
            yield (instead[index], len(self.citations)) if index in instead else (self.raw[start:end], bisect_left(places, start))
            begun = end
        yield self.raw[begun:], bisect_left(places, begun)

    def shown(self) -> tuple[str, list[int]]:
        """The text with what was taken back replaced, and for each of its markers the place of its citation."""
        pieces = list(self.pieces())
        places = [before + k for text, before in pieces for k in range(len(markers.numbers(text)))]
        return "".join(text for text, _ in pieces), places

    def marked(self) -> Iterator[tuple[int, int, str]]:
        """Spans of `raw` of which a verdict says something, and what."""
        reasons = {verdict.sentence: verdict.reason for verdict in self.verdicts if verdict.action == "mark"}
        if reasons:
            for index, (start, end) in enumerate(arriving.split(self.raw)):
                if index in reasons:
                    yield start, end, reasons[index]


def advance(turn: Turn, event: AnswerEvent) -> Turn:
    """The turn after one more event."""
    match event:
        case Retrieved(passages=passages, engine=engine):
            return replace(turn, phase="reading", passages=passages, is_markdown=engine not in _PLAIN)
        case DeltaReleased(text=text):
            return replace(turn, phase="answering", raw=turn.raw + text)
        case Cited(citation=citation):
            return replace(turn, citations=(*turn.citations, citation))
        case Judged(verdict=verdict):
            return replace(turn, verdicts=(*turn.verdicts, verdict))
        case Replaced(sentence=sentence, text=text):
            return replace(turn, replaced=(*turn.replaced, (sentence, text)))
        case Completed(answer=answer):
            return _complete(turn, answer)
        case Failed(message=message):
            return fail(turn, message)
        case _:
            return turn


def stop(turn: Turn) -> Turn:
    """The turn as it stays when a person ends it; a finished one is left as it is."""
    return replace(turn, phase="stopped", note="Stopped. This answer is not complete.") if turn.busy else turn


def refuse(turn: Turn, message: str) -> Turn:
    """The turn when the question itself has to be changed."""
    return replace(turn, phase="refused", note=message)


def fail(turn: Turn, message: str) -> Turn:
    """The turn when it ends in an error."""
    return replace(turn, phase="failed", note=message)


def _complete(turn: Turn, answer: Answer) -> Turn:
    """The finished answer counts, whatever was streamed."""
    return replace(
        turn,
        phase="abstained" if answer.status == "abstained" else "answered",
        raw=answer.text,
        replaced=(),
        citations=answer.citations,
        verdicts=answer.verdicts,
        is_markdown=answer.status in {"answered", "partial"} and answer.manifest.engine not in _PLAIN,
        chunks=answer.manifest.chunks,
        passages=answer.passages,
        note="The answer was cut at its length limit." if answer.finish_reason == "length" else "",
    )
