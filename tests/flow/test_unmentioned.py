"""unmentioned: what a question takes for granted is named where it stands nowhere."""

from __future__ import annotations

import pytest
from fakes import ScriptedEngine, passage, scripted_pipeline

from chatbot.flow.unmentioned import unmentioned
from chatbot.schema import Query

KETTLE = passage(
    "Since 2021 the kettle holds 1,500 ml. It was GPT-40 that said so.", 1, title="Kettles 1990", heading_path=("Model 77",)
)


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("Why did the kettle shrink in 2019?", ["2019"]),
        ("Why did the kettle shrink in 2019, and again in 2019 and 2020?", ["2019", "2020"]),
        ("Why did the kettle grow in 2021?", []),
        ("Does it hold 1500 ml?", []),
        ("Does it hold 150 ml?", ["150"]),
        ("What are the 2 ways to fill it?", []),
        ("Is GPT-41 a kettle?", []),
        ("Is model 77 of 1990?", []),
        ("", []),
    ],
)
def test_only_numbers_that_stand_nowhere_are_named(question: str, missing: list[str]) -> None:
    assert unmentioned(question, [KETTLE]) == missing


async def test_the_answer_says_so_and_is_partial() -> None:
    pipeline = scripted_pipeline(ScriptedEngine(pieces=["It holds 1,500 ml. [1]"]), [KETTLE])

    answer = await pipeline.complete(Query(text="Why did the kettle shrink in 2019?"))

    assert answer.status == "partial"
    assert answer.text.endswith("does not mention 2019.")


async def test_what_is_mentioned_needs_no_word() -> None:
    pipeline = scripted_pipeline(ScriptedEngine(pieces=["It holds 1,500 ml. [1]"]), [KETTLE])

    assert (await pipeline.complete(Query(text="Why did the kettle grow in 2021?"))).status == "answered"
