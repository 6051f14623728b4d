"""summarize: a text or a document of any length, by map-reduce. Every word of it is read by some call; none is cut off."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import NamedTuple

from chatbot.errors import EngineBroke
from chatbot.schema import Message
from chatbot.tasks.documents import Manuscript
from chatbot.tasks.events import TaskProgress
from chatbot.tasks.parallel import in_parallel
from chatbot.tasks.pieces import pieces
from chatbot.tasks.quoting_summary import SummarizeInputs, Summary, quote
from chatbot.tasks.room import Room
from chatbot.tasks.task import Outcome, Step, Task
from chatbot.tasks.work import Work
from chatbot.tasks.written import written

_WORDS = {"short": 40, "medium": 120, "long": 400}

_SHARE = 4
"""The summary of a part takes a quarter of a prompt's room at most: four of them fit into one call."""
_TOKENS_A_WORD = 2
"""European languages need one to two."""
_SHORTER = 0.95
"""A round that leaves more than this share of the text gets nowhere."""


class _Whole(NamedTuple):
    title: str
    text: str
    ends: Sequence[int] = ()
    """Of its sections: where it is best cut."""


async def run(inputs: SummarizeInputs, work: Work) -> AsyncGenerator[Step]:
    """One call where everything fits; else parts first, then their summaries, until one call holds them."""
    whole = _laid_out(await work.manuscript(inputs.document)) if inputs.document else _Whole("the text", inputs.text)
    words, room = str(_WORDS[inputs.length]), await work.room()
    parts, rounds = 1, 0
    while room and not await room.holds(work.prompt("summarize", title=whole.title, words=words, text=whole.text)):
        cut = await _cut(whole, room, work)
        parts, rounds, said = (parts if rounds else len(cut)), rounds + 1, [""] * len(cut)
        async with aclosing(_summaries(whole.title, cut, room, work)) as summaries:
            async for done, (place, text) in _counted(summaries):
                said[place] = text
                yield TaskProgress(what="summarizing parts", done=done, total=len(cut))
        whole = _shorter(whole, said)
    messages = work.prompt("summarize", title=whole.title, words=words, text=whole.text)
    async with aclosing(written(work.write(messages))) as steps:
        async for step in steps:
            yield step._replace(data=Summary(parts=parts, rounds=rounds)) if isinstance(step, Outcome) else step


def _laid_out(manuscript: Manuscript) -> _Whole:
    """A document with the headings of each section in front of it."""
    sections = [f"{' > '.join(headings)}\n{text}" if headings else text for headings, text in manuscript.sections()]
    return _joined(manuscript.document.title or manuscript.name, sections)


def _joined(title: str, texts: Sequence[str]) -> _Whole:
    ends, length = list[int](), 0
    for text in texts:
        length += len(text) + len(_GAP)
        ends.append(length)
    return _Whole(title, "".join(text + _GAP for text in texts), ends)


_GAP = "\n\n"


async def _cut(whole: _Whole, room: Room, work: Work) -> list[str]:
    part_room = room._replace(answer=_most(room))

    async def fits(part: str) -> bool:
        return await part_room.holds(_part_prompt(whole.title, part, room, work))

    return await pieces(whole.text, fits, whole.ends)


def _summaries(title: str, parts: Sequence[str], room: Room, work: Work) -> AsyncGenerator[tuple[int, str]]:
    prompts = [_part_prompt(title, part, room, work) for part in parts]
    return in_parallel([partial(work.text, prompt, _most(room)) for prompt in prompts])


def _part_prompt(title: str, part: str, room: Room, work: Work) -> tuple[Message, ...]:
    return work.prompt("summarize_part", title=title, words=str(_most(room) // _TOKENS_A_WORD), text=part.strip())


def _most(room: Room) -> int:
    """Tokens that the summary of a part may take."""
    return min(room.answer, (room.context - room.answer) // _SHARE)


async def _counted(summaries: AsyncGenerator[tuple[int, str]]) -> AsyncGenerator[tuple[int, tuple[int, str]]]:
    done = 0
    async for each in summaries:
        done += 1
        yield done, each


def _shorter(whole: _Whole, summaries: Sequence[str]) -> _Whole:
    joined = _joined(whole.title, [summary for summary in summaries if summary])
    if not joined.text:
        raise EngineBroke("the model says nothing about any part of the text; use another model")
    if len(joined.text) > _SHORTER * len(whole.text):
        raise EngineBroke(
            f"the summaries of {len(summaries)} parts are about as long as the parts themselves; "
            "use a model that summarizes, or one with a larger context"
        )
    return joined


TASK = Task(
    name="summarize",
    title="Summarize",
    description="Summarizes a text, or a whole document of yours, however long it is.",
    inputs=SummarizeInputs,
    main="text",
    output=Summary,
    example={"document": "handbook/05-citations.md", "length": "short"},
    prompts=("summarize", "summarize_part"),
    run=run,
    quote=quote,
    quote_quality="quoted word for word; how well the sentences stand for the whole is not measured here",
)
