"""golden: the questions that collections bring, asked as a user asks: is the source found and said, is the rest refused?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from chatbot.evaluation.bench import Bench, NotRun, ask_all
from chatbot.evaluation.measurement import Measurement
from chatbot.flow.pipeline import last_answer
from chatbot.knowledge.sources.collections import GoldenQuestion, golden_questions
from chatbot.schema import Answer, Query

NAME = "golden"


class _Outcome(NamedTuple):
    collection: str
    golden: GoldenQuestion
    answer: Answer

    @property
    def kind(self) -> str:
        """What is asked of it."""
        if self.golden.expected_sources:
            return "answerable"
        return "near_miss" if self.golden.near_miss else "off_topic"

    @property
    def found(self) -> bool:
        """An expected source is among the five best passages."""
        top = {passage.source for passage in self.answer.passages[:5] if passage.collection == self.collection}
        return bool(top & set(self.golden.expected_sources))

    @property
    def said(self) -> bool:
        """The answer holds every phrase it must mention."""
        text = self.answer.text.lower()
        return not self.refused and all(phrase.lower() in text for phrase in self.golden.must_mention)

    @property
    def refused(self) -> bool:
        return self.answer.status == "abstained"


def run(bench: Bench) -> Iterator[Measurement | NotRun]:
    """Each question is asked of its own collection: "unanswerable" is said of the collection."""
    questions = {
        f"{name}: {golden.question}": (name, golden)
        for name, collection in bench.collections().items()
        for golden in golden_questions(collection)
    }
    if not questions:
        yield NotRun(NAME, NAME, "no collection has a questions.jsonl")
        return
    questions = bench.some(questions)
    with bench.session() as session:
        answers = ask_all(
            lambda id_: last_answer(session.answer(Query(text=questions[id_][1].question, collections=(questions[id_][0],)))),
            questions,
        )
    outcomes = {id_: _Outcome(*questions[id_], answer) for id_, answer in answers.items()}
    for set_ in dict.fromkeys(name for each in outcomes.values() for name in _sets(each)):
        yield from _measured(set_, {id_: each for id_, each in outcomes.items() if set_ in _sets(each)})


def _sets(outcome: _Outcome) -> tuple[str, ...]:
    """Those it counts in: paraphrases are harder, and kept apart."""
    return ("paraphrases",) if outcome.golden.paraphrase else (outcome.collection, NAME)


def _measured(set_: str, outcomes: Mapping[str, _Outcome]) -> Iterator[Measurement]:
    of = {kind: {id_: each for id_, each in outcomes.items() if each.kind == kind} for kind in _METRICS}
    for kind, metrics in _METRICS.items():
        for metric, is_right in metrics.items():
            if of[kind]:
                yield Measurement(NAME, set_, metric, {id_: (float(is_right(each)),) for id_, each in of[kind].items()})


_METRICS: Mapping[str, Mapping[str, Callable[[_Outcome], bool]]] = {
    "answerable": {
        "source_in_top_5": lambda each: each.found,
        "phrase_in_answer": lambda each: each.said,
        "not_refused": lambda each: not each.refused,
    },
    "off_topic": {"off_topic_refused": lambda each: each.refused},
    "near_miss": {"near_miss_refused": lambda each: each.refused},
}
