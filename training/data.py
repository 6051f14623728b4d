"""Reads the training parts of the data sets into questions over passages. It knows nothing about tokens or models."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.language import sentences

WINDOW_WORDS = 110
"""Where a data set has no paragraphs, a passage is as many sentences as fit into so many words: about 150 tokens."""


@dataclass(frozen=True, slots=True)
class Passage:
    sentences: tuple[str, ...]
    title: str = ""
    article: str = ""
    """Of what it is a part: names and numbers of one article can stand in for each other."""

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    passage: Passage
    gold: tuple[int, ...] = ()
    """The sentences of the passage that answer; empty if it does not."""
    answer: str = ""
    """The words that answer, inside a gold sentence; empty if they are not marked."""


def load(root: Path) -> list[Question]:
    """Every question that may be trained on, from the folder that holds the data sets."""
    return [
        *squad(root / "squad/train"),
        *nqg(root / "nqg-pairs/train/question_sentence_pairs.jsonl.gz"),
        *clapnq(root / "clapnq/train/question_train_answerable.tsv.gz"),
        *covid(root / "covid-qa/train/covidqa-squad.json.gz"),
    ]


def squad(folder: Path) -> list[Question]:
    """SQuAD 1.1 and 2.0; what both have is said once."""
    questions: dict[tuple[str, str], Question] = {}
    for file in ("squad-v1.1-part.json.gz", "squad-v2.0-part.json.gz"):
        for article in _json(folder / file)["data"]:
            title = article["title"].replace("_", " ")
            for paragraph in article["paragraphs"]:
                for question in _squad_paragraph(paragraph, title):
                    questions.setdefault((question.text, question.passage.text), question)
    return list(questions.values())


def nqg(file: Path) -> list[Question]:
    """Questions with the sentence that answers each. Passages are made of sentences that follow each other in the file."""
    rows = [(_plain(row["question"]), _plain(row["sentence"])) for row in _json_lines(file)]
    said = list(dict.fromkeys(sentence for _, sentence in rows))
    at: dict[str, tuple[Passage, int]] = {}
    for number, window in enumerate(_windows(said)):
        passage = Passage(window, article=f"nqg {number // 4}")
        at.update((sentence, (passage, i)) for i, sentence in enumerate(window))
    return [Question(text, at[sentence][0], (at[sentence][1],)) for text, sentence in rows]


def clapnq(file: Path) -> list[Question]:
    """Questions people typed into a search engine; the whole of the long answer is evidence."""
    questions: list[Question] = []
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            said = _split(_plain(row["answers"]))
            questions.append(Question(row["question"], Passage(said, article=row["doc-id-list"]), tuple(range(len(said)))))
    return questions


def covid(file: Path) -> list[Question]:
    """Questions over whole papers, each cut into passages."""
    questions: list[Question] = []
    for document in _json(file)["data"]:
        for paper in document["paragraphs"]:
            text = paper["context"]
            title = text.strip().partition("\n")[0]
            spans = sentences.split(text)
            at: dict[int, tuple[Passage, int]] = {}
            first = 0
            for window in _windows([text[start:end] for start, end in spans]):
                passage = Passage(tuple(" ".join(each.split()) for each in window), title, title)
                at.update((first + i, (passage, i)) for i in range(len(window)))
                first += len(window)
            for row in paper["qas"]:
                answer = row["answers"][0]
                number = _at(spans, answer["answer_start"] + 1)
                passage, i = at[number]
                questions.append(Question(row["question"], passage, (i,), _inside(answer["text"], passage.sentences[i])))
    return questions


def _squad_paragraph(paragraph: Any, title: str) -> Iterator[Question]:
    text = paragraph["context"]
    spans = sentences.split(text)
    passage = Passage(tuple(" ".join(text[start:end].split()) for start, end in spans), title, title)
    for row in paragraph["qas"]:
        question = " ".join(row["question"].split())
        if row.get("is_impossible"):
            yield Question(question, passage)
        else:
            answer = row["answers"][0]
            i = _at(spans, answer["answer_start"])
            yield Question(question, passage, (i,), _inside(answer["text"], passage.sentences[i]))


def _windows(said: Sequence[str]) -> Iterator[tuple[str, ...]]:
    window: list[str] = []
    words = 0
    for sentence in said:
        if window and words + len(sentence.split()) > WINDOW_WORDS:
            yield tuple(window)
            window, words = [], 0
        window.append(sentence)
        words += len(sentence.split())
    if window:
        yield tuple(window)


def _at(spans: Sequence[tuple[int, int]], position: int) -> int:
    """The number of the span a character is in, or before."""
    return next((i for i, (_, end) in enumerate(spans) if position < end), len(spans) - 1)


def _inside(answer: str, sentence: str) -> str:
    """The answer, if the sentence holds all of it."""
    answer = " ".join(answer.split())
    return answer if answer in sentence else ""


def _split(text: str) -> tuple[str, ...]:
    text = " ".join(text.split())
    return tuple(text[start:end] for start, end in sentences.split(text))


_QUOTES = re.compile(r"``\s?|\s?''")
_BEFORE = re.compile(r"\s+([,.;:!?%)\]]|n't\b|'(?:s|re|ve|ll|d|m)\b)")
_AFTER = re.compile(r"([(\[$])\s+")


def _plain(text: str) -> str:
    """Text as people write it, of what was cut into words by spaces."""
    text = text.replace("-lrb-", "(").replace("-rrb-", ")").replace("--", "–")
    return " ".join(_AFTER.sub(r"\1", _BEFORE.sub(r"\1", _QUOTES.sub('"', text))).split())


def _json(file: Path) -> Any:
    return json.loads(gzip.decompress(file.read_bytes()))


def _json_lines(file: Path) -> Iterable[Any]:
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
