"""Answers that are given again, and those that must not be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeRetriever, ScriptedEngine, passage, scripted_pipeline

from chatbot.bootstrap import Application
from chatbot.encoders import Vectors
from chatbot.engines.parts import Engine
from chatbot.errors import InternalError
from chatbot.flow.cache import AnswerCache
from chatbot.flow.pipeline import Pipeline
from chatbot.sampling import Sampling
from chatbot.schema import Answer, AnswerEvent, Completed, Message, Passage, Principal, Query, Retrieved
from chatbot.sections import CacheSettings

KETTLE = passage("The kettle holds four litres.", 1)
QUESTION = Query(text="How much does the kettle hold?")
TURNS = (Message(role="user", content="What is blue?"), Message(role="assistant", content="The kettle."))


class Documents:
    """What changes."""

    def __init__(self) -> None:
        self.state = object()

    def change(self) -> None:
        self.state = object()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _vector(text: str) -> Vectors:
    """Near to each other, unless one of them speaks of a pan."""
    return np.array([0.0, 1.0] if "pan" in text else [1.0, 0.0], np.float32)


class Bot:
    """A pipeline with a cache, and how often its engine was asked."""

    def __init__(self, engine: Any = None, writes: bool = False, sampling: Sampling = Sampling(), **settings: Any) -> None:  # noqa: B008
        self.documents, self.clock = Documents(), Clock()
        self.engine = engine or ScriptedEngine(pieces=["Four litres", ". [1]"], needs_documents=not writes)
        self.retriever = FakeRetriever([KETTLE], known=("handbook", "primer"))
        self.cache = AnswerCache(CacheSettings(**settings), lambda: self.documents.state, _vector, self.clock)
        parts = scripted_pipeline(Engine(self.engine, writes=writes, sampling=sampling), retrieve=self.retriever).parts
        self.pipeline = Pipeline(parts._replace(cache=self.cache))

    async def events(self, query: Query = QUESTION) -> list[AnswerEvent]:
        return [event async for event in self.pipeline.answer(query)]

    async def ask(self, query: Query | str = QUESTION) -> Answer:
        return await self.pipeline.complete(Query(text=query) if isinstance(query, str) else query)

    async def is_new(self, query: Query | str = QUESTION) -> bool:
        before = len(self.engine.messages)
        reused = (await self.ask(query)).manifest.reused
        assert (reused is None) == (len(self.engine.messages) > before)
        return reused is None


async def test_the_same_question_is_streamed_the_same_way_and_says_so() -> None:
    bot = Bot()

    first, again = await bot.events(), await bot.events()

    assert again[:-1] == first[:-1]
    assert isinstance(first[0], Retrieved)
    assert isinstance(first[-1], Completed)
    assert isinstance(again[-1], Completed)
    one, other = first[-1].answer, again[-1].answer
    assert len(bot.engine.messages) == len(bot.retriever.calls) == 1
    assert other.id != one.id
    assert (other.text, other.citations, other.passages) == (one.text, one.citations, one.passages)
    assert one.manifest.reused is None
    assert other.manifest.reused is not None
    assert (other.manifest.reused.answer, other.manifest.reused.match) == (one.id, "exact")
    assert other.manifest.chunks == one.manifest.chunks
    assert other.usage.prompt_tokens == other.usage.completion_tokens == 0


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ("off", {}),
        ("exact", {"exact"}),
        ("same_words", {"exact", "same_words"}),
        ("similar", {"exact", "same_words", "similar"}),
    ],
)
async def test_how_much_alike_two_questions_must_be_is_a_setting(match: str, found: set[str]) -> None:
    asked = {
        "exact": "how much does the kettle hold",
        "same_words": "Can you tell me how much does a kettle hold",
        "similar": "How much do kettles hold?",
    }
    reused = {
        name for name, text in asked.items() for bot in [Bot(match=match)] if await bot.is_new() if not await bot.is_new(text)
    }

    assert reused == set(found)


async def test_equal_content_words_are_not_enough_where_the_encoder_tells_them_apart() -> None:
    bot = Bot(match="similar")
    bot.cache._encode = lambda text: np.array([1, 0] if "does" in text else [0.9, 0.43588989], np.float32)

    assert await bot.is_new()
    assert await bot.is_new("How much do kettles hold?")


async def test_near_vectors_are_not_enough_where_the_words_differ() -> None:
    bot = Bot(match="similar")

    assert await bot.is_new("How do I get from Paris to Rome?")
    assert await bot.is_new("How do I get from Rome to Paris?")
    assert await bot.is_new("How do I not get from Paris to Rome?")


@pytest.mark.parametrize(
    "change",
    [
        {"principal": Principal(subject="anna")},
        {"principal": Principal(organization="other")},
        {"principal": Principal(scopes=frozenset({"public", "board"}))},
        {"collections": ("handbook",)},
    ],
)
async def test_what_one_may_see_is_shown_to_nobody_else(change: Mapping[str, Any]) -> None:
    bot = Bot(match="similar")

    assert await bot.is_new()
    assert await bot.is_new(QUESTION.model_copy(update=change))
    assert not await bot.is_new(QUESTION.model_copy(update=change))


async def test_the_order_of_the_collections_does_not_matter() -> None:
    bot = Bot()

    assert await bot.is_new(QUESTION.model_copy(update={"collections": ("handbook", "primer")}))
    assert not await bot.is_new(QUESTION.model_copy(update={"collections": ("primer", "handbook")}))


async def test_another_encoder_generation_or_prompt_makes_it_anew() -> None:
    bot = Bot()
    parts = bot.pipeline.parts
    prompts = dict(parts.prompts) | {"answer": parts.prompts["condense"]}
    others = [
        parts._replace(searched=lambda: ("another", 1)),
        parts._replace(searched=lambda: ("none", 2)),
        parts._replace(prompts=prompts),
    ]
    assert await bot.is_new()

    for other in others:
        assert (await Pipeline(other).complete(QUESTION)).manifest.reused is None


async def test_a_sync_between_two_questions_ends_what_is_known() -> None:
    bot = Bot()
    await bot.ask()

    bot.documents.change()

    assert await bot.is_new()
    assert not await bot.is_new()
    assert len(bot.cache) == 1


async def test_an_answer_that_a_sync_overtook_is_not_kept() -> None:
    bot = Bot()
    stream = bot.pipeline.answer(QUESTION)
    await anext(stream)

    bot.documents.change()
    assert isinstance([event async for event in stream][-1], Completed)

    assert len(bot.cache) == 0
    assert await bot.is_new()


async def test_a_sync_that_ends_while_two_questions_are_compared_is_seen() -> None:
    bot = Bot(match="similar")
    await bot.ask()

    def encode(_: str) -> Vectors:
        bot.documents.change()
        return np.array([1, 0], np.float32)

    bot.cache._encode = encode

    assert await bot.is_new("How much do kettles hold?")


async def test_a_cancelled_stream_leaves_nothing() -> None:
    bot = Bot()
    stream = bot.pipeline.answer(QUESTION)
    await anext(stream)
    await anext(stream)

    await stream.aclose()

    assert len(bot.cache) == 0
    assert await bot.is_new()


async def test_a_cancelled_task_leaves_nothing_and_stops_the_engine() -> None:
    engine = ScriptedEngine(pieces=["word "], endless=True)
    bot = Bot(engine)
    asking = asyncio.create_task(bot.ask())
    while not engine.said:
        await asyncio.sleep(0)

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert engine.closed.wait(5)
    assert len(bot.cache) == 0


async def test_an_answer_that_broke_off_is_not_kept() -> None:
    bot = Bot(ScriptedEngine(pieces=["Four litres. [1] ", InternalError("the engine went away")]))

    with pytest.raises(InternalError):
        await bot.ask()

    assert len(bot.cache) == 0


async def test_a_refusal_is_not_kept() -> None:
    bot = Bot(ScriptedEngine(pieces=[], finish_reason="abstained"))

    assert (await bot.ask()).status == "abstained"
    assert len(bot.cache) == 0


async def test_a_partial_answer_is_kept() -> None:
    bot = Bot(ScriptedEngine(pieces=["Four lit"], finish_reason="length"))

    assert (await bot.ask()).status == "partial"
    assert (await bot.ask()).manifest.reused is not None


@pytest.mark.parametrize("text", ["Does my kettle hold four litres?", "Did anna@example.org buy the kettle?"])
async def test_what_may_be_personal_is_not_kept(text: str) -> None:
    bot = Bot()

    assert await bot.is_new(text)
    assert await bot.is_new(text)
    assert len(bot.cache) == 0


async def test_a_question_that_leans_on_the_history_is_its_own() -> None:
    bot = Bot()
    leaning = Query(text="How much does it hold?", history=TURNS)

    assert await bot.is_new(leaning)
    assert await bot.is_new(leaning)
    assert await bot.is_new(leaning.model_copy(update={"history": ()}))


async def test_what_was_said_before_may_lead_elsewhere_so_such_an_answer_is_its_own() -> None:
    bot = Bot()

    assert await bot.is_new(QUESTION)
    assert await bot.is_new(QUESTION.model_copy(update={"history": TURNS}))


@pytest.mark.parametrize(
    ("sampling", "again"),
    [(Sampling(temperature=0), True), (Sampling(beam_width=2), True), (Sampling(temperature=0.7), False), (Sampling(), False)],
)
async def test_who_asks_for_another_draw_gets_one(sampling: Sampling, again: bool) -> None:
    bot = Bot(writes=True, sampling=sampling)

    assert await bot.is_new()
    assert await bot.is_new() is not again


async def test_another_way_to_choose_tokens_is_another_answer() -> None:
    bot = Bot(writes=True, sampling=Sampling(temperature=0))

    assert await bot.is_new()
    assert await bot.is_new(QUESTION.model_copy(update={"sampling": Sampling(max_tokens=9)}))
    assert not await bot.is_new()


async def test_many_at_once_each_get_the_whole_answer() -> None:
    bot = Bot()

    answers = await asyncio.gather(*(bot.ask(text) for text in ("What is a kettle?", "What is a pan?") * 50))

    assert {answer.text for answer in answers} == {"Four litres. [1]"}
    assert len({answer.id for answer in answers}) == 100
    assert len(bot.cache) == 2


async def test_the_one_not_asked_for_the_longest_goes_first() -> None:
    bot = Bot(size=2)
    for text in ("What is a kettle?", "What is a pan?", "What is a kettle?", "What is a pot?"):
        await bot.ask(text)

    assert len(bot.cache) == 2
    assert not await bot.is_new("What is a kettle?")
    assert await bot.is_new("What is a pan?")


async def test_an_old_answer_is_made_anew() -> None:
    bot = Bot(max_age_s=60)
    await bot.ask()

    bot.clock.now = 59
    assert (reused := (await bot.ask()).manifest.reused)
    assert reused.age_s == 59
    bot.clock.now = 61
    assert await bot.is_new()


class _Versions(FakeRetriever):
    """Finds the version of the documents that is live."""

    def __init__(self) -> None:
        super().__init__([KETTLE])
        self.live = 0

    def __call__(self, query: Query, forms: Any, k: int) -> list[Passage]:
        return [passage(f"The kettle holds {self.live} litres.", 1)]


def test_while_documents_change_no_answer_is_older_than_the_question() -> None:
    bot, versions, done = Bot(match="similar"), _Versions(), threading.Event()
    pipeline = Pipeline(bot.pipeline.parts._replace(retrieve=versions))
    asked: list[tuple[int, str, bool]] = []
    settled = 0

    def ask() -> None:
        while not done.is_set():
            before = settled
            answer = asyncio.run(pipeline.complete(QUESTION))
            asked.append((before, answer.passages[0].chunk.text, answer.manifest.reused is not None))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 60):
        versions.live = number  # as a commit does, then what tells of it
        bot.documents.change()
        settled = number
        done.wait(0.01)
    done.set()
    for thread in threads:
        thread.join(10)

    assert [each for each in asked if int(each[1].split()[3]) < each[0]] == []
    assert any(reused for _, _, reused in asked)


FILES = {"guide/kettle.md": "# Kettle\n\nThe kettle holds four litres of water.\n", "guide/pan.md": "# Pan\n\nThe pan is flat.\n"}
LITRES = "How many litres of water does the kettle hold?"


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


CHANGES: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "changed": (
        lambda folder: _write(folder, "kettle.md", "# Kettle\n\nThe kettle holds five litres of water.\n"),
        "five litres",
    ),
    "added": (lambda folder: _write(folder, "new.md", "# Kettle\n\nNow the kettle holds six litres of water.\n"), "six litres"),
    "removed": (lambda folder: (folder / "kettle.md").unlink(), ""),
    "renamed": (lambda folder: (folder / "kettle.md").rename(folder / "boiler.md"), "four litres"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_real_sync_between_ask_and_hit_is_seen(
    small_application: Callable[..., Application], tmp_path: Path, change: str
) -> None:
    application = small_application(FILES)
    first = await application.pipeline.complete(Query(text=LITRES))
    again = await application.pipeline.complete(Query(text=LITRES))
    act, holds = CHANGES[change]

    act(tmp_path / "knowledge-0" / "guide")
    assert change in [report.state for report in application.sync(())]
    after = await application.pipeline.complete(Query(text=LITRES))

    assert "four litres" in first.text
    assert again.manifest.reused is not None
    assert again.text == first.text
    assert after.manifest.reused is None
    assert holds in after.text
    assert "guide/kettle.md" not in {f"guide/{each.source}" for each in after.citations} or change in {"changed", "added"}


async def test_the_settings_turn_it_off(small_application: Callable[..., Application]) -> None:
    application = small_application(FILES, cache=CacheSettings(match="off"))

    for _ in range(2):
        assert (await application.pipeline.complete(Query(text=LITRES))).manifest.reused is None
