"""Pairs of texts that people compared: SICK, STS, and similar questions of COVID-QA."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from chatbot.evaluation.sets.folder import DataFolder, lines, table, text

CONTRADICTION = "CONTRADICTION"


class Pair(NamedTuple):
    left: str
    right: str
    label: str
    """What one says of the other."""
    score: float
    """How alike they are, on the set's own scale; higher is more."""


def sick(data: DataFolder) -> list[Pair]:
    """Sentences involving compositional knowledge: entailment, contradiction or neither.

    Raises:
        DataMissing: as `DataFolder.matching`.
    """
    return [*_sick(data.matching("sick", "SICK_*.txt*"))]


def training_sick(data: DataFolder) -> list[Pair]:
    """To fit on.

    Raises:
        DataMissing: as `DataFolder.training`.
    """
    return [*_sick(data.training("sick", "SICK_*.txt*"))]


def sts(data: DataFolder) -> dict[str, list[Pair]]:
    """Semantic textual similarity, by year; nothing is fitted.

    Raises:
        DataMissing: as `DataFolder.matching`.
    """
    return {
        path.name.partition(".")[0]: [Pair(row["s1"], row["s2"], row["set"], float(row["score"])) for row in lines(path)]
        for path in data.matching("sts", "sts*.jsonl.gz")
    }


def similar_questions(data: DataFolder) -> list[Pair]:
    """Questions of COVID-QA's users; the label says whether both want the same ("1") or not ("0"). All parts share them.

    Raises:
        DataMissing: as `DataFolder.shared`.
    """
    path = data.shared("covid-qa", "faq", "eval_question_similarity_en.csv")
    rows = csv.DictReader(text(path).splitlines())
    return [Pair(row["question_1"], row["question_2"], row["similar"], float(row["similar"])) for row in rows]


def _sick(paths: Iterable[Path]) -> Iterator[Pair]:
    for path in paths:
        for row in table(path):
            yield Pair(row["sentence_A"], row["sentence_B"], row["entailment_judgment"], float(row["relatedness_score"]))
