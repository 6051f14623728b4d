"""Golden questions of every built-in collection, end to end: is the source found, does the answer say it, is the rest refused?

The last row is a harder set, paraphrases.jsonl: most of its questions share no word with the sentence that answers them.

python benchmarks/golden.py            the table
python benchmarks/golden.py --misses   and every question that went wrong
python benchmarks/golden.py --sweep    refusals and wrong refusals at other thresholds
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import NamedTuple

from chatbot import settings
from chatbot.bootstrap import Application, open_application
from chatbot.knowledge.sources.collections import GoldenQuestion, golden_questions
from chatbot.schema import Answer, Query


class Outcome(NamedTuple):
    collection: str
    golden: GoldenQuestion
    answer: Answer

    @property
    def answerable(self) -> bool:
        return bool(self.golden.expected_sources)

    @property
    def found(self) -> bool:
        """An expected source is among the five best passages."""
        top = {passage.source for passage in self.answer.passages[:5] if passage.collection == self.collection}
        return bool(top & set(self.golden.expected_sources))

    @property
    def said(self) -> bool:
        """The answer holds every phrase it must mention."""
        text = self.answer.text.lower()
        return self.answer.status == "answered" and all(phrase.lower() in text for phrase in self.golden.must_mention)

    @property
    def refused(self) -> bool:
        return self.answer.status == "abstained"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--data-dir", type=Path, help="reuse an index instead of building one in a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        configured = settings.load(data_dir=options.data_dir or Path(scratch))
        with open_application(configured, "golden") as application:
            outcomes = asyncio.run(_ask(application, _golden(application)))
            harder = asyncio.run(_ask(application, _paraphrases()))
    print("collection   | source in top 5 | phrase in answer | off-topic refused | near misses refused | wrongly refused")
    for name in [*dict.fromkeys(each.collection for each in outcomes), "all"]:
        _row(name, [each for each in outcomes if name in {each.collection, "all"}])
    _row("paraphrases", harder)
    if options.misses:
        _misses(outcomes)
    if options.sweep:
        _sweep(outcomes)


def _golden(application: Application) -> list[tuple[str, GoldenQuestion]]:
    return [(name, golden) for name, each in application.collections.items() for golden in golden_questions(each)]


def _paraphrases() -> list[tuple[str, GoldenQuestion]]:
    lines = (Path(__file__).parent / "paraphrases.jsonl").read_text(encoding="utf-8").splitlines()
    return [(fields.pop("collection"), GoldenQuestion.model_validate(fields)) for fields in map(json.loads, lines)]


async def _ask(application: Application, questions: list[tuple[str, GoldenQuestion]]) -> list[Outcome]:
    """Ask each question of its own collection: "unanswerable" is said of the collection."""
    complete = application.pipeline.complete
    return [Outcome(name, golden, await complete(Query(text=golden.question, collections=(name,)))) for name, golden in questions]


def _row(name: str, outcomes: list[Outcome]) -> None:
    answerable = [each for each in outcomes if each.answerable]
    off_topic = [each for each in outcomes if not each.answerable and not each.golden.near_miss]
    near = [each for each in outcomes if each.golden.near_miss]
    cells = (
        _share([each.found for each in answerable]),
        _share([each.said for each in answerable]),
        _share([each.refused for each in off_topic]),
        _share([each.refused for each in near]),
        _share([each.refused for each in answerable]),
    )
    print(f"{name:<12} | " + " | ".join(cells))


def _share(hits: list[bool]) -> str:
    return f"{sum(hits) / len(hits):.3f} ({sum(hits)}/{len(hits)})" if hits else "none"


def _misses(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        wrong = [] if each.answerable else ["answered"] * (not each.refused)
        if each.answerable:
            wrong = ["refused"] * each.refused + ["not found"] * (not each.found) + ["not said"] * (not each.said)
        if wrong:
            near = "near miss " if each.golden.near_miss else ""
            print(f"\n[{', '.join(wrong)}] {near}{each.golden.question!r}")
            print(f"  wants {each.golden.must_mention} in {each.golden.expected_sources}")
            print(f"  confidence {each.answer.confidence}: {each.answer.text[:400]!r}")


def _sweep(outcomes: list[Outcome]) -> None:
    print("\ncosine | off-topic refused | near misses refused | wrongly refused")
    for hundredths in range(15, 60, 3):
        threshold = hundredths / 100
        below = [(each, (each.answer.confidence or 0) < threshold) for each in outcomes]
        cells = (
            _share([low for each, low in below if not each.answerable and not each.golden.near_miss]),
            _share([low for each, low in below if each.golden.near_miss]),
            _share([low for each, low in below if each.answerable]),
        )
        print(f"{threshold:.2f}   | " + " | ".join(cells))


if __name__ == "__main__":
    main()
