"""Questions beside those of the evaluation: of the built-in collections, and ones that have nothing to do with what is searched.

Without them what refuses knows only questions that were made to be nearly answered.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from chatbot import settings
from chatbot.bootstrap import Application, open_application
from chatbot.evaluation.asking import reply
from chatbot.evaluation.bench import Bench, ask_all
from chatbot.evaluation.corpus import Store
from chatbot.evaluation.sets.clapnq import clapnq
from chatbot.evaluation.sets.intents import OUT_OF_SCOPE, intents
from chatbot.evaluation.sets.mtrag import mtrag
from chatbot.evaluation.sets.squad import squad
from chatbot.evaluation.suites.abstention import Judged
from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.collections import GoldenQuestion
from chatbot.knowledge.sources.roots import shipped
from chatbot.schema import Answer, Query

_EVERY = 12
"""Of the questions of another set one in so many: a hundred or two tell enough."""


@contextmanager
def opened(data_dir: Path, read_built_in: bool = False) -> Generator[Application]:
    """The application on a data directory of its own."""
    with open_application(settings.load(data_dir=data_dir), "training", read_built_in) as application:
        yield application


def asked(bench: Bench, work: Path) -> Mapping[str, Sequence[Judged]]:
    """What became of them, by kind."""
    with opened(work / "built-in", read_built_in=True) as application:
        golden = [judged for name in _built_in() for judged in _golden(application, name)]
        strange = [judged for name in _built_in() for judged in _strange(application, _chatter(bench), (name,))]
    questions = {"clapnq": [each.question for each in clapnq(bench.data)]}
    questions["squad-2"] = [each.question for each in squad(bench.data, "2.0").asked if each.answers]
    texts = {
        "clapnq": [each.passage for each in clapnq(bench.data)],
        "squad-2": [*squad(bench.data, "2.0").paragraphs.values()],
        "mtrag-un": [*mtrag(bench.data).passages],
    }
    for name, documents in texts.items():
        others = [question for of, some in questions.items() if of != name for question in some[::_EVERY]]
        with bench.corpora.texts(name, documents) as store:
            strange += _strange(store, [*others, *_chatter(bench)[:: _EVERY // 2]], ())
    return {"golden": golden, "off-topic": strange}


def _built_in() -> Sequence[str]:
    return sorted(collections.discover([shipped("knowledge")]))


def _chatter(bench: Bench) -> Sequence[str]:
    """What people say to an assistant that is none of its business."""
    said = intents(bench.data, "clinc150")
    return [text for text, label in zip(said.texts, said.labels, strict=True) if label == OUT_OF_SCOPE][::_EVERY]


def _golden(store: Store, name: str) -> Iterable[Judged]:
    questions = {each.question: each for each in collections.golden_questions(collections.discover([shipped("knowledge")])[name])}

    async def ask(question: str) -> Judged:
        query = Query(text=question, collections=(name,))
        found = await reply(store, query)
        is_answerable = bool(questions[question].expected_sources)
        return Judged(query, is_answerable, found, is_answerable and _says(found.attempt, questions[question]))

    return ask_all(ask, questions).values()


def _says(answer: Answer, golden: GoldenQuestion) -> bool:
    return all(phrase.lower() in answer.text.lower() for phrase in golden.must_mention)


def _strange(store: Store, questions: Sequence[str], names: tuple[str, ...]) -> Iterable[Judged]:
    async def ask(question: str) -> Judged:
        query = Query(text=question, collections=names)
        return Judged(query, answerable=False, reply=await reply(store, query), right=False)

    return ask_all(ask, dict.fromkeys(questions)).values()
