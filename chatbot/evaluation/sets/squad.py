"""Questions about paragraphs in SQuAD's form: SQuAD 1.1 and 2.0, XQuAD, COVID-QA."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from chatbot.evaluation.corpus import Text
from chatbot.evaluation.sets.folder import DataFolder, text


class Asked(NamedTuple):
    """A question about one paragraph."""

    id: str
    question: str
    paragraph: str
    """Id of the paragraph it was asked about."""
    answers: tuple[tuple[int, str], ...]
    """Start in the paragraph and words of every accepted answer; none where the paragraph does not answer."""


class Squad(NamedTuple):
    paragraphs: dict[str, Text]
    """Of all parts that are there."""
    asked: list[Asked]
    """Of the part that is measured."""


def squad(data: DataFolder, version: str) -> Squad:
    """`version` is 1.1 or 2.0.

    Raises:
        DataMissing: as `DataFolder.part`.
    """
    return _read(data, "squad", f"squad-v{version}-part.json.gz")


def xquad(data: DataFolder) -> dict[str, Squad]:
    """Professional translations of the same questions and paragraphs, by language.

    Raises:
        DataMissing: as `DataFolder.part`.
    """
    names = sorted(path.name for path in data.part("xquad").glob("xquad.*.json.gz"))
    return {name.split(".")[1]: _read(data, "xquad", name) for name in names}


def _read(data: DataFolder, set_: str, name: str) -> Squad:
    paragraphs: dict[str, Text] = {}
    for path in data.every(set_, name):
        paragraphs |= {paragraph.id: paragraph for paragraph, _ in _paragraphs(path)}
    asked = [question for _, questions in _paragraphs(data.file(set_, name)) for question in questions]
    return Squad(paragraphs, asked)


def _paragraphs(path: Path) -> Iterator[tuple[Text, Sequence[Asked]]]:
    for number, article in enumerate(json.loads(text(path))["data"]):
        title = article.get("title", "").replace("_", " ")
        for place, paragraph in enumerate(article["paragraphs"]):
            # a part's name keeps its paragraphs apart from those of other parts
            id_ = f"{path.parent.name}-{number:03}-{place:03}"
            questions = [Asked(str(each["id"]), each["question"], id_, _answers(each["answers"])) for each in paragraph["qas"]]
            yield Text(id_, title, paragraph["context"]), questions


def _answers(answers: Sequence[dict[str, str | int]]) -> tuple[tuple[int, str], ...]:
    return tuple(dict.fromkeys((int(answer["answer_start"]), str(answer["text"])) for answer in answers))
