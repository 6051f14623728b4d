"""answer: the flow itself, as a task beside the others."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import Field

from chatbot.errors import from_code
from chatbot.schema import Completed, DeltaReleased, Failed, Query, Replaced, Status, Stop, Value
from chatbot.tasks.inputs import Inputs, Texts
from chatbot.tasks.task import Outcome, Step, Task
from chatbot.tasks.work import Work


class AnswerInputs(Inputs):
    question: str = Field(description="What you want to know.")
    collections: Texts = Field((), description="Collections to search, with commas between them; none searches all.")


class AnswerData(Value):
    status: Status


async def run(inputs: AnswerInputs, work: Work) -> AsyncGenerator[Step]:
    """See `Pipeline.answer`."""
    query = Query(text=inputs.question, collections=inputs.collections, sampling=work.given, principal=work.principal)
    async with aclosing(work.parts.pipeline.answer(query)) as events:
        async for event in events:
            match event:
                case DeltaReleased() | Replaced():
                    yield event
                case Failed(code=code, message=message, retry_after_s=retry):
                    raise from_code(code, message, retry)
                case Completed(answer=answer):
                    stop = Stop(usage=answer.usage, model=answer.model, finish_reason=answer.finish_reason)
                    data = AnswerData(status=answer.status)
                    backed, writes = bool(answer.citations), work.parts.engine.writes
                    yield Outcome(answer.text, data, answer.citations, answer.passages, backed, writes, stop)
                case _:
                    pass


TASK = Task(
    name="answer",
    title="Answer from the documents",
    description="Answers a question from your documents and cites every sentence, or says that they do not say.",
    inputs=AnswerInputs,
    main="question",
    output=AnswerData,
    example={"question": "What is a citation?", "collections": ["handbook"]},
    prompts=("answer", "document"),
    run=run,
    quote=run,
    quote_quality="quoted word for word; `chatbot eval golden` measures whether it is what was asked for",
)
