"""translate: a text of any length, in pieces that fit, joined in their order."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import Field

from chatbot.schema import DeltaReleased
from chatbot.tasks.events import TaskProgress
from chatbot.tasks.inputs import Inputs
from chatbot.tasks.pieces import Fits, pieces
from chatbot.tasks.task import Outcome, Step, Task
from chatbot.tasks.work import Work
from chatbot.tasks.written import trimmed

_GROWTH = 2
"""Room for the translation of a piece, in times its own tokens: some languages take more tokens than others."""


class TranslateInputs(Inputs):
    text: str = Field(description="The text to translate.", min_length=1)
    language: str = Field(description="The language to translate into.", min_length=1, max_length=60)


async def run(inputs: TranslateInputs, work: Work) -> AsyncGenerator[Step]:
    """One call a piece, one after the other, so that the translation can be read as it grows."""
    parts = await pieces(inputs.text, await _fits(inputs, work))
    written: list[str] = []
    for done, part in enumerate(parts):
        if len(parts) > 1:
            yield TaskProgress(what="translating", done=done, total=len(parts))
        between = _gap(parts[done - 1], part) if done else ""
        messages = work.prompt("translate", language=inputs.language, text=part.strip())
        async with aclosing(trimmed(work.write(messages))) as stream:
            async for piece in stream:
                written.append(between + piece)
                yield DeltaReleased(text=between + piece)
                between = ""
    yield Outcome("".join(written), is_markdown=True)


def _gap(before: str, after: str) -> str:
    """The white space between two pieces: the text's own, for models trim what they write."""
    return before[len(before.rstrip()) :] + after[: len(after) - len(after.lstrip())]


async def _fits(inputs: TranslateInputs, work: Work) -> Fits:
    """True for a piece that has room beside the prompt, and whose translation has room as the answer."""
    room = await work.room()
    bare = await room.measure(work.prompt("translate", language=inputs.language, text="")) if room else 0

    async def fits(piece: str) -> bool:
        if room is None:
            return True
        most = min(room.context - room.answer, bare + room.answer // _GROWTH)
        return await room.holds(work.prompt("translate", language=inputs.language, text=piece.strip()), room.context - most)

    return fits


TASK = Task(
    name="translate",
    title="Translate",
    description="Translates a text of any length into another language.",
    inputs=TranslateInputs,
    main="text",
    example={"text": "The documents stay on this machine.", "language": "French"},
    prompts=("translate",),
    run=run,
)
