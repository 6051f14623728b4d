"""cache: a question that was answered a moment ago is answered with the same words, as long as nothing has changed.

A wrong answer is worse than a slow one, so an answer is given again only to the same principal, from the same collections, by the
same engine, encoder, prompts and sampling, and over the same documents: a write to the catalogue or the indexes ends all of them.
Two questions are the same by their text or by all of their words; by their content words only where the settings ask for it.

What nearness costs, on the 2,006 questions of BANKING77's development part and 74 contradictory pairs of SICK's, both ways
round (`chatbot eval cache --data DIR`); no two of these questions are the same, so a hit is always another wording:

| two questions are the same by        | answered again | of these wrong | contradictions taken for the same |
| ------------------------------------ | -------------- | -------------- | --------------------------------- |
| text, or all words ("same_words")    |           .001 |         0 of 2 |                                 0 |
| content words in order, cosine .95   |           .004 |         0 of 8 |                                 0 |
| a set of equal content words         |           .099 |           .106 |                              .649 |
| cosine .95                           |           .050 |           .010 |                              .000 |
| cosine .90                           |           .178 |           .031 |                              .041 |
| cosine .85                           |           .309 |           .035 |                              .189 |
| cosine .80                           |           .457 |           .071 |                              .338 |

Nearness that answers a fifth of such questions is wrong for one in thirty of them, and nobody who gets such an answer can tell.
So what is on by default are forms of one question, and `match = "similar"` is for who has looked at the questions that are asked.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Hashable, Mapping, Sequence
from contextlib import aclosing
from typing import NamedTuple

from chatbot.encoders import Vectors
from chatbot.engines.parts import Engine
from chatbot.flow.draft import MadeBy
from chatbot.language.personal import may_be_personal
from chatbot.language.same_question import Wording, wording
from chatbot.prompts import Prompt
from chatbot.schema import Answer, AnswerEvent, Completed, Match, Query, Reused, Usage
from chatbot.sections import CacheSettings

_KEPT = {"answered", "partial"}


class Asked(NamedTuple):
    """A question whose answer may be kept or given again."""

    text: str
    wording: Wording
    scope: Hashable
    """All that the answer depends on but the question and the documents."""
    state: object
    """Of the documents, when the question was asked: another object after each change."""


class _Entry(NamedTuple):
    asked: Asked
    events: Sequence[AnswerEvent]
    answer: Answer
    made_s: float


class AnswerCache:
    """Of one application, in memory; its methods may be called from any thread."""

    def __init__(
        self,
        settings: CacheSettings,
        state: Callable[[], object],
        encode: Callable[[str], Vectors],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`state` gives what is equal to what it gave before only if no document was changed in between."""
        self._settings = settings
        self._state = state
        self._encode = encode
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[Hashable, str], _Entry] = OrderedDict()

    def ask(self, query: Query, made_by: MadeBy, prompts: Mapping[str, Prompt], engine: Engine) -> Asked | None:
        """The question as it is looked for, before anything is searched; None if its answer must be its own."""
        sampling = query.sampling.over(engine.sampling) if query.sampling else engine.sampling
        is_drawn = engine.writes and sampling.temperature != 0 and sampling.beam_width is None
        if self._settings.match == "off" or is_drawn or query.history or may_be_personal(query.text):
            return None
        principal = query.principal
        scope = (
            (principal.subject, principal.organization, principal.scopes),
            frozenset(query.collections),
            made_by,
            frozenset((name, prompt.hash) for name, prompt in prompts.items()),
            sampling.model_dump_json() if engine.writes else "",
        )
        return Asked(query.text, wording(query.text), scope, self._state())

    def find(self, asked: Asked) -> list[AnswerEvent]:
        """The events of an answer to the same question, as a stream of its own; empty if there is none."""
        begun = self._clock()
        with self._lock:
            self._drop(begun)
            entry = self._entries.get((asked.scope, asked.wording.text))
            others = [] if entry else [each for each in reversed(self._entries.values()) if each.asked.scope == asked.scope]
        match: Match = "exact"
        if entry is None:
            found = self._alike(asked, others)
            if found is None:
                return []
            entry, match = found
        with self._lock:
            key = (entry.asked.scope, entry.asked.wording.text)
            if key in self._entries:
                self._entries.move_to_end(key)
        if asked.state != self._state():
            return []
        return [*entry.events, Completed(answer=_again(entry, match, begun, self._clock()))]

    def keep(self, asked: Asked, events: Sequence[AnswerEvent], answer: Answer) -> None:
        """Keep an answer, unless it is none or the documents have changed since the question was asked."""
        if answer.status not in _KEPT:
            return
        with self._lock:
            if asked.state != self._state():
                return
            key = (asked.scope, asked.wording.text)
            self._entries[key] = _Entry(asked, tuple(events), answer, self._clock())
            self._entries.move_to_end(key)
            while len(self._entries) > self._settings.size:
                self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, now: float) -> None:
        """Those that are too old, and those of other documents: a state that is over does not come back."""
        state = self._state()
        over = [
            key
            for key, entry in self._entries.items()
            if entry.asked.state != state or now - entry.made_s > self._settings.max_age_s
        ]
        for key in over:
            del self._entries[key]

    def _alike(self, asked: Asked, others: Sequence[_Entry]) -> tuple[_Entry, Match] | None:
        if self._settings.match == "exact":
            return None
        for entry in others:
            if entry.asked.wording.words == asked.wording.words:
                return entry, "same_words"
        near = [entry for entry in others if entry.asked.wording.content == asked.wording.content]
        if self._settings.match != "similar" or not near or not asked.wording.content:
            return None
        vector = self._encode(asked.text)
        cosines = [float(self._encode(entry.asked.text) @ vector) for entry in near]
        best = max(range(len(near)), key=cosines.__getitem__)
        return (near[best], "similar") if cosines[best] >= self._settings.min_cosine else None


async def keeping(
    cache: AnswerCache | None, asked: Asked | None, is_whole: Callable[[Answer], bool], events: AsyncGenerator[AnswerEvent]
) -> AsyncGenerator[AnswerEvent]:
    """Pass events on; an answer that comes to its end is kept, before its last event is seen, if every stage had its say."""
    seen: list[AnswerEvent] = []
    async with aclosing(events):
        async for event in events:
            if cache is not None and asked:
                if isinstance(event, Completed):
                    if is_whole(event.answer):
                        cache.keep(asked, seen, event.answer)
                else:
                    seen.append(event)
            yield event


def _again(entry: _Entry, match: Match, begun: float, now: float) -> Answer:
    """The answer under an id of its own; nothing was spent on it."""
    reused = Reused(answer=entry.answer.id, match=match, age_s=round(now - entry.made_s, 1))
    timings = {"total": round((now - begun) * 1000, 1)}
    manifest = entry.answer.manifest.model_copy(update={"reused": reused, "timings_ms": timings})
    return entry.answer.model_copy(update={"id": uuid.uuid4().hex, "usage": Usage(), "manifest": manifest})
