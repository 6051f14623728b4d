"""The answer so far: the stages' items become events, and at the end one `Answer` with what made it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from chatbot.flow.compose import EngineRequest
from chatbot.prompts import Prompt
from chatbot.schema import (
    Answer,
    AnswerEvent,
    Citation,
    Cited,
    Completed,
    Delta,
    DeltaReleased,
    Judged,
    Manifest,
    Passage,
    Status,
    Stop,
    Verdict,
)


class MadeBy(NamedTuple):
    """The same for all answers of a pipeline."""

    engine: str
    encoder: str
    generation: int


class Draft:
    """Belongs to one question; not for use by two threads at once."""

    def __init__(self, prompts: Mapping[str, Prompt], made_by: MadeBy) -> None:
        self._prompts = prompts
        self._made_by = made_by
        self._text: list[str] = []
        self._citations: list[Citation] = []
        self._verdicts: list[Verdict] = []
        self._timings: dict[str, float] = {}
        self._handed: EngineRequest | None = None
        self._confidence: float | None = None
        self._begun = self._lapped = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Note how long `stage` took: the time since the stage before it. Of two questions the times are added."""
        now = time.perf_counter()
        self._timings[stage] = round(self._timings.get(stage, 0.0) + (now - self._lapped) * 1000, 1)
        self._lapped = now

    def believes(self, confidence: float) -> None:
        """Note how likely an answer from what was found is right."""
        self._confidence = round(confidence, 4)

    def engine_has(self, request: EngineRequest) -> None:
        """Note what the engine was asked, for the manifest."""
        self._handed = request

    def is_empty(self) -> bool:
        """True while nothing but white space was said."""
        return not "".join(self._text).strip()

    def add(self, item: Delta | Citation | Verdict) -> AnswerEvent:
        """Take up an item, and give the event that shows it."""
        if isinstance(item, Delta):
            if not self._text:
                self.lap("first_delta")
            self._text.append(item.text)
            return DeltaReleased(text=item.text)
        if isinstance(item, Citation):
            self._citations.append(item)
            return Cited(citation=item)
        self._verdicts.append(item)
        return Judged(verdict=item)

    def canned(
        self, status: Literal["abstained", "clarify", "smalltalk"], passages: Sequence[Passage], prompt: str, **inputs: str
    ) -> tuple[AnswerEvent, AnswerEvent]:
        """An answer that is a prompt's own text."""
        said = self.add(Delta(text=self._prompts[prompt].text("assistant", **inputs).strip()))
        reason = "abstained" if status == "abstained" else "stop"
        return said, Completed(answer=self.finish(status, passages, Stop(finish_reason=reason)))

    def finish(self, status: Status, passages: Sequence[Passage], stop: Stop) -> Answer:
        """The whole answer."""
        self._timings["total"] = round((time.perf_counter() - self._begun) * 1000, 1)
        return Answer(
            id=uuid.uuid4().hex,
            text="".join(self._text).strip(),
            status=status,
            citations=tuple(self._citations),
            verdicts=tuple(self._verdicts),
            passages=tuple(passages),
            usage=stop.usage,
            model=stop.model,
            finish_reason=stop.finish_reason,
            confidence=self._confidence,
            manifest=self._manifest(),
        )

    def _manifest(self) -> Manifest:
        handed = self._handed
        return Manifest(
            **self._made_by._asdict(),
            prompts={name: prompt.hash for name, prompt in self._prompts.items()},
            chunks=tuple(passage.chunk.id for passage in handed.passages) if handed else (),
            sampling=handed.sampling if handed and handed.sampling.given() else None,
            timings_ms=self._timings,
        )
