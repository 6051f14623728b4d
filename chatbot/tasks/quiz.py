"""quiz: questions about a document, each with the sentence that proves its answer."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from pydantic import Field

from chatbot import markers
from chatbot.errors import BadInput
from chatbot.schema import Citation, Value
from chatbot.tasks.documents import Excerpt, Manuscript, excerpts, heading, numbered
from chatbot.tasks.events import TaskProgress
from chatbot.tasks.inputs import DocumentName, Inputs
from chatbot.tasks.parallel import in_parallel
from chatbot.tasks.task import Outcome, Step, Task
from chatbot.tasks.work import Work

_WRONG = 3
_LETTERS = "abcd"


class QuizInputs(Inputs):
    document: DocumentName = Field(min_length=1, description="A document of yours, as collection/source.")
    questions: int = Field(5, ge=1, le=20, description="How many questions.")


class QuizQuestion(Value):
    question: str
    options: tuple[str, ...]
    answer: str
    """One of the options."""
    quote: str
    """The sentence of the document that proves it, word for word."""
    start: int
    end: int
    """Place of the quote in the document's extracted text, in characters."""


class Quiz(Value):
    questions: tuple[QuizQuestion, ...]
    dropped: int
    """Questions by the model without a sentence of the document to prove them, or with options that do not differ."""


async def run(inputs: QuizInputs, work: Work) -> AsyncGenerator[Step]:
    """One call an excerpt; the excerpts are spread evenly over the document."""
    manuscript = await work.manuscript(inputs.document)
    chosen = _spread(await asyncio.to_thread(excerpts, manuscript), inputs.questions)
    if not chosen:
        raise BadInput(f"{manuscript.name} has no whole sentence to ask about")
    calls = [partial(_asked, manuscript, excerpt, count, work) for excerpt, count in chosen]
    said: list[Sequence[Mapping[str, Any]]] = [()] * len(calls)
    async with aclosing(in_parallel(calls)) as results:
        done = 0
        async for place, questions in results:
            said[place], done = questions, done + 1
            yield TaskProgress(what="setting questions", done=done, total=len(calls))
    quiz, citations = _checked(manuscript, [excerpt for excerpt, _ in chosen], said)
    passages = [manuscript.passage(excerpt.chunk, rank) for rank, (excerpt, _) in enumerate(chosen, 1)]
    yield Outcome(_sheet(quiz), quiz, citations, tuple(passages), backed=bool(citations))


def _spread(found: Sequence[Excerpt], questions: int) -> list[tuple[Excerpt, int]]:
    """Excerpts at even distances, and how many questions each is for."""
    calls = min(len(found), questions)
    shares = [questions // calls + (place < questions % calls) for place in range(calls)]
    return [(found[place * len(found) // calls], share) for place, share in enumerate(shares)]


async def _asked(manuscript: Manuscript, excerpt: Excerpt, count: int, work: Work) -> Sequence[Mapping[str, Any]]:
    text, title = numbered(manuscript, excerpt), heading(manuscript, excerpt.chunk)
    messages = work.prompt("quiz", title=title, count=str(count), text=text)
    return (await work.decode(_schema(count, len(excerpt.sentences)), messages))["questions"]


def _checked(
    manuscript: Manuscript, chosen: Sequence[Excerpt], said: Sequence[Sequence[Mapping[str, Any]]]
) -> tuple[Quiz, tuple[Citation, ...]]:
    questions, citations, dropped = list[QuizQuestion](), list[Citation](), 0
    for excerpt, each in zip(chosen, said, strict=True):
        for question in each:
            options = dict.fromkeys(option.strip() for option in (question["answer"], *question["wrong"]))
            if not 1 <= question["sentence"] <= len(excerpt.sentences) or len(options) <= _WRONG or "" in options:
                dropped += 1
                continue
            start, end = span = excerpt.sentences[question["sentence"] - 1]
            citations.append(manuscript.citation(excerpt.chunk, span, len(citations) + 1))
            questions.append(
                QuizQuestion(
                    question=question["question"].strip(),
                    options=tuple(sorted(options, key=_shuffled)),
                    answer=question["answer"].strip(),
                    quote=manuscript.text[start:end],
                    start=start,
                    end=end,
                )
            )
    return Quiz(questions=tuple(questions), dropped=dropped), tuple(citations)


def _sheet(quiz: Quiz) -> str:
    """The questions first, so that they can be tried; then the answers with their proofs."""
    lines = [f"{quiz.dropped} without a proof in the document, or with options alike, and left out.", ""] if quiz.dropped else []
    for number, each in enumerate(quiz.questions, 1):
        options = [f"   {letter}) {markers.literal(option)}" for letter, option in zip(_LETTERS, each.options, strict=True)]
        lines += [f"{number}. {markers.literal(each.question)}", *options, ""]
    lines += ["Answers:", ""] if quiz.questions else []
    for number, each in enumerate(quiz.questions, 1):
        letter = _LETTERS[each.options.index(each.answer)]
        lines.append(
            f"{number}. {letter}) {markers.literal(each.answer)}: “{markers.literal(' '.join(each.quote.split()))}” [{number}]"
        )
    return "\n".join(lines)


def _shuffled(option: str) -> bytes:
    """An order without a pattern that is the same every time."""
    return hashlib.blake2b(option.encode(), digest_size=8).digest()


def _schema(count: int, sentences: int) -> dict[str, Any]:
    option = {"type": "string", "minLength": 1, "maxLength": 120}
    question = {
        "type": "object",
        "properties": {
            "question": {"type": "string", "minLength": 1, "maxLength": 300},
            "answer": option,
            "wrong": {"type": "array", "items": option, "minItems": _WRONG, "maxItems": _WRONG},
            "sentence": {"enum": list(range(1, sentences + 1))},
        },
        "required": ["question", "answer", "wrong", "sentence"],
        "additionalProperties": False,
    }
    return {
        "title": "Quiz",
        "type": "object",
        "properties": {"questions": {"type": "array", "items": question, "minItems": count, "maxItems": count}},
        "required": ["questions"],
        "additionalProperties": False,
    }


TASK = Task(
    name="quiz",
    title="Make a quiz",
    description="Sets questions about a document of yours, each with the sentence that proves its answer.",
    inputs=QuizInputs,
    main="document",
    output=Quiz,
    example={"document": "handbook/05-citations.md", "questions": 2},
    prompts=("quiz",),
    run=run,
)
