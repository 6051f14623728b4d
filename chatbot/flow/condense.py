"""condense: what to search for, given what was said before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from chatbot import markers
from chatbot.engines.parts import Engine
from chatbot.errors import ChatbotError
from chatbot.flow.compose import EngineRequest
from chatbot.flow.generate import generate
from chatbot.language.follow_ups import leans_on_history
from chatbot.language.terms import terms
from chatbot.prompts import Prompt
from chatbot.sampling import Sampling
from chatbot.schema import Delta, Query, Value

REWRITE_S = 4.0
"""A follow-up that a model has not rewritten by then is searched for the model-free way."""

_OPENING_WORDS = 60
_OPENING_CHARACTERS = 600
"""Of what was said before; its first words say what it was about."""

_REWRITTEN_TURNS = 6
_LONGEST = 400
_SAMPLING = Sampling(temperature=0, max_tokens=96)


_BEHIND = {"user": 1.5, "assistant": 2.0}
"""Weight of the question behind the last turn of a role, beside 1 for the question alone. Source: `chatbot eval followups` on the
development part; with 1 and 1 nDCG@5 is .010 less, and with more than 2 it suffers where the subject changes."""

_LATEST_TURNS = 6
"""Messages that a change of subject is told by."""


class SearchForm(Value):
    """One wording of the question; the scores of all are added, each times its weight."""

    text: str
    weight: float
    is_behind: tuple[str, ...] = ()
    """What was said before, where the wording stands behind a part of it: it counts as far as the question goes on with that."""


def search_forms(query: Query) -> tuple[SearchForm, ...]:
    """The question as typed, and also behind the previous question and behind the previous answer.

    Adding the scores of separate wordings beats both gluing all turns into one text and merging ranks. How much the latter two
    count is `topic.continuation`'s to say.
    Source: `chatbot eval followups`, nDCG@5 on the development part .83 for the last turn alone, .93 for all three.
    """
    turns = [message for message in query.history if message.role != "system" and message.content.strip()]
    said = tuple(_opening(message.content) for message in turns[-_LATEST_TURNS:])
    forms = [SearchForm(text=query.text, weight=1.0)]
    for role, weight in _BEHIND.items():
        latest = next((message.content for message in reversed(turns) if message.role == role), "")
        if latest:
            forms.append(SearchForm(text=f"{_opening(latest)} {query.text}", weight=weight, is_behind=said))
    return tuple(forms)


async def condense(query: Query, engine: Engine, prompts: Mapping[str, Prompt]) -> tuple[SearchForm, ...]:
    """`search_forms`, and in front of them a follow-up as an engine that writes makes it stand on its own."""
    forms = search_forms(query)
    if len(forms) == 1 or not engine.writes or not leans_on_history(query.text):
        return forms
    rewritten = await _rewritten(query, engine, prompts["condense"])
    return (SearchForm(text=rewritten, weight=1.0), *forms) if rewritten else forms


async def _rewritten(query: Query, engine: Engine, prompt: Prompt) -> str:
    """Empty where the model took too long, failed, or said something that has nothing to do with it."""
    said = "\n".join(f"{message.role}: {_opening(message.content)}" for message in query.history[-_REWRITTEN_TURNS:])
    messages = prompt.messages(conversation=said, question=query.text)
    request = EngineRequest(messages=tuple(messages), sampling=_SAMPLING)
    try:
        async with asyncio.timeout(REWRITE_S):
            pieces = [item.text async for item in generate(engine.model, request) if isinstance(item, Delta)]
    except (TimeoutError, ChatbotError):
        return ""
    line = next((line.strip() for line in "".join(pieces).splitlines() if line.strip()), "")
    known = {*terms(said), *terms(query.text)}
    return line if len(line) <= _LONGEST and known & set(terms(line)) else ""


def _opening(said: str) -> str:
    words = markers.unescaped(markers.strip(said[: 2 * _OPENING_CHARACTERS])).split()
    return " ".join(words[:_OPENING_WORDS])[:_OPENING_CHARACTERS]
