"""divide: of two questions at once both are looked up, and what only one of them finds is said."""

from __future__ import annotations

from fakes import FakeRetriever, ScriptedEngine, passage, scripted_pipeline

from chatbot.engines.parts import Engine
from chatbot.flow.divide import divide, merged, to_the_point
from chatbot.schema import Message, Passage, Query

BOTH = Query(text="How much does the kettle hold, and who painted it?")
KETTLE = passage("The kettle holds four litres.", 1)
PAINT = passage("The kettle was painted by hand.", 2, dense=0.05)


class ByQuestion(FakeRetriever):
    """Finds the kettle for the first question, and for the second only what is far."""

    def __call__(self, query: Query, forms: object, k: int) -> list[Passage]:
        self.passages = [PAINT] if "painted" in query.text else [KETTLE]
        return super().__call__(query, forms, k)  # pyright: ignore[reportArgumentType]


def test_the_second_question_follows_the_first() -> None:
    before = Message(role="user", content="Is it a big kettle?")
    first, second = divide(BOTH.model_copy(update={"history": (before,)}))

    assert (first.text, first.history) == ("How much does the kettle hold", (before,))
    assert (second.text, second.history) == (
        "who painted it?",
        (before, Message(role="user", content="How much does the kettle hold")),
    )


def test_what_a_long_message_tells_is_taken_as_said_before() -> None:
    story = "The kettle came by post and was packed in straw. " * 8
    before = Message(role="user", content="Is it a big kettle?")

    short = to_the_point(Query(text=f"{story}How much does it hold?", history=(before,)))

    assert short.text == "How much does it hold?"
    assert [turn.content for turn in short.history[:1]] == [before.content]
    assert short.history[1].content.endswith("packed in straw.")
    assert to_the_point(short) == short


def test_one_question_stays_as_it_is() -> None:
    query = Query(text="How much does the kettle hold?")

    assert divide(query) == [query]


def test_passages_take_turns_and_none_comes_twice() -> None:
    a, b, c = (passage(text, rank) for rank, text in enumerate("abc", 1))

    assert [(each.chunk.text, each.rank) for each in merged([[a, b], [c, a]])] == [("a", 1), ("c", 2), ("b", 3)]


async def test_what_the_documents_do_not_say_is_said_beside_what_they_do() -> None:
    engine = ScriptedEngine(pieces=["Four litres. [1]"])

    answer = await scripted_pipeline(engine, retrieve=ByQuestion([KETTLE])).complete(BOTH)

    assert answer.status == "partial"
    assert answer.text.startswith("Four litres.")
    assert "do not say" in answer.text
    assert "who painted it?" in answer.text
    assert engine.messages[-1][-1].text == "How much does the kettle hold"


async def test_where_neither_is_answered_nothing_is() -> None:
    far = [PAINT]

    assert (await scripted_pipeline(ScriptedEngine(), far).complete(BOTH)).status == "abstained"


async def test_a_model_that_writes_reads_both_at_once() -> None:
    engine = ScriptedEngine(pieces=["Four litres. [1]"], needs_documents=False)

    answer = await scripted_pipeline(Engine(engine, writes=True), [KETTLE]).complete(BOTH)

    assert answer.status == "answered"
    assert BOTH.text in engine.messages[-1][-1].text
