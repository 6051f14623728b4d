"""tutor: asks about a document, marks against its words, and makes the next question harder or easier.

It keeps nothing: what was asked so far is the `state` of each result, and comes back with the next answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from chatbot import markers
from chatbot.errors import BadInput
from chatbot.schema import Citation, Passage, Value
from chatbot.tasks.documents import Excerpt, Manuscript, excerpts, heading, numbered
from chatbot.tasks.events import TaskProgress
from chatbot.tasks.inputs import DocumentName, Inputs, from_json
from chatbot.tasks.task import Outcome, Step, Task
from chatbot.tasks.work import Work

Mark = Literal["correct", "partly", "wrong"]

EASIEST, HARDEST = 1, 5
_STEPS: Mapping[Mark, int] = {"correct": 1, "partly": 0, "wrong": -1}
_POINTS: Mapping[Mark, float] = {"correct": 1.0, "partly": 0.5, "wrong": 0.0}


class Asked(Value):
    """A question that waits for its answer."""

    question: str
    expected: str
    chunk_id: str
    """Of the chunk that it is about."""


class Marked(Value):
    """A question that was answered."""

    question: str
    answer: str
    mark: Mark
    difficulty: int


class TutorState(Value):
    difficulty: int = Field(default=2, ge=EASIEST, le=HARDEST)
    marked: tuple[Marked, ...] = ()
    pending: Asked | None = None


class TutorInputs(Inputs):
    document: DocumentName = Field(min_length=1, description="A document of yours, as collection/source.")
    answer: str = Field("", description="Your answer to the last question; anything to begin.", max_length=4000)
    state: Annotated[TutorState, from_json] = Field(
        default_factory=TutorState, description="The state in the result before this one; none to begin."
    )


class Marking(Value):
    mark: Mark
    feedback: str
    quote: str
    """The sentence of the document that shows it, word for word."""
    start: int
    end: int
    """Place of the quote in the document's extracted text, in characters."""


class TutorTurn(Value):
    marking: Marking | None
    """Of the answer; None at the beginning."""
    question: str
    """The next one."""
    difficulty: int
    """From 1 to 5: up after a correct answer, down after a wrong one."""
    points: float
    """So far: 1 for correct, 0.5 for partly."""
    answered: int
    state: TutorState
    """To be given back with the next answer."""


async def run(inputs: TutorInputs, work: Work) -> AsyncGenerator[Step]:
    """Mark the answer, if there is one, then ask."""
    manuscript, state, marking = await work.manuscript(inputs.document), inputs.state, None
    found = await asyncio.to_thread(excerpts, manuscript)
    citations, passages = tuple[Citation, ...](), tuple[Passage, ...]()
    if not found:
        raise BadInput(f"{manuscript.name} has no whole sentence to ask about")
    if state.pending:
        excerpt = _excerpt_of(state.pending, found)
        yield TaskProgress(what="marking", done=0, total=2)
        marking = await _mark(manuscript, excerpt, state.pending, inputs.answer, work)
        citations = (manuscript.citation(excerpt.chunk, (marking.start, marking.end), 1),)
        passages = (manuscript.passage(excerpt.chunk, 1),)
        state = _after(state, state.pending, inputs.answer, marking.mark)
    yield TaskProgress(what="asking", done=1, total=2)
    state = state.model_copy(update={"pending": await _ask(manuscript, found, state, work)})
    turn = _turn(state, marking)
    yield Outcome(_said(turn), turn, citations, passages, backed=bool(citations))


def _turn(state: TutorState, marking: Marking | None) -> TutorTurn:
    assert state.pending
    return TutorTurn(
        marking=marking,
        question=state.pending.question,
        difficulty=state.difficulty,
        points=sum(_POINTS[each.mark] for each in state.marked),
        answered=len(state.marked),
        state=state,
    )


def _said(turn: TutorTurn) -> str:
    question = f"Question {turn.answered + 1}, difficulty {turn.difficulty} of {HARDEST}: {markers.literal(turn.question)}"
    if not (marking := turn.marking):
        return question
    mark = f"{marking.mark.capitalize()}, {turn.points:g} of {turn.answered} points. {markers.literal(marking.feedback)}"
    return f"{mark}\n\n“{markers.literal(' '.join(marking.quote.split()))}” [1]\n\n{question}"


def _excerpt_of(pending: Asked, found: Sequence[Excerpt]) -> Excerpt:
    excerpt = next((each for each in found if each.chunk.id == pending.chunk_id), None)
    if excerpt is None:
        raise BadInput("the document has changed since the question was asked; begin again, without a state")
    return excerpt


def _after(state: TutorState, pending: Asked, answer: str, mark: Mark) -> TutorState:
    difficulty = min(HARDEST, max(EASIEST, state.difficulty + _STEPS[mark]))
    marked = Marked(question=pending.question, answer=answer, mark=mark, difficulty=state.difficulty)
    return TutorState(difficulty=difficulty, marked=(*state.marked, marked))


async def _mark(manuscript: Manuscript, excerpt: Excerpt, pending: Asked, answer: str, work: Work) -> Marking:
    messages = work.prompt(
        "tutor_mark",
        title=heading(manuscript, excerpt.chunk),
        text=numbered(manuscript, excerpt),
        question=pending.question,
        expected=pending.expected,
        answer=answer,
    )
    said = await work.decode(_schema(_MARKING, excerpt), messages)
    start, end = excerpt.sentences[said["sentence"] - 1]
    quote = manuscript.text[start:end]
    return Marking(mark=said["mark"], feedback=said["feedback"].strip(), quote=quote, start=start, end=end)


async def _ask(manuscript: Manuscript, found: Sequence[Excerpt], state: TutorState, work: Work) -> Asked:
    """The next excerpt in reading order; after the last one it begins again."""
    excerpt = found[len(state.marked) % len(found)]
    title, text = heading(manuscript, excerpt.chunk), numbered(manuscript, excerpt)
    messages = work.prompt("tutor_ask", title=title, difficulty=str(state.difficulty), text=text)
    said = await work.decode(_schema(_QUESTION, excerpt), messages)
    return Asked(question=said["question"].strip(), expected=said["answer"].strip(), chunk_id=excerpt.chunk.id)


_QUESTION = {
    "question": {"type": "string", "minLength": 1, "maxLength": 300},
    "answer": {"type": "string", "minLength": 1, "maxLength": 300},
}
_MARKING = {
    "feedback": {"type": "string", "minLength": 1, "maxLength": 500},
    "mark": {"enum": list(_STEPS)},
}


def _schema(properties: Mapping[str, Any], excerpt: Excerpt) -> dict[str, Any]:
    """With the number of one of the excerpt's sentences: the model cannot point to anything else."""
    fields = {**properties, "sentence": {"enum": list(range(1, len(excerpt.sentences) + 1))}}
    return {"title": "Tutor", "type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


TASK = Task(
    name="tutor",
    title="Learn with a tutor",
    description="Asks you about a document of yours, marks your answers against its words, and adapts the difficulty.",
    inputs=TutorInputs,
    main="document",
    reply="answer",
    output=TutorTurn,
    example={"document": "handbook/05-citations.md"},
    prompts=("tutor_ask", "tutor_mark"),
    run=run,
)
