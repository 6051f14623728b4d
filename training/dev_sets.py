"""Reads the development parts that choices are made on. Nothing here is trained on."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from chatbot.language import sentences


class Asked(NamedTuple):
    """A question over one passage."""

    question: str
    passage: str
    title: str
    spans: Sequence[tuple[int, int]]
    """Of the passage's sentences."""
    gold: frozenset[int]
    """Sentences that hold an annotator's answer; empty if the passage does not answer."""


class Searched(NamedTuple):
    """Questions over a collection."""

    texts: Sequence[str]
    titles: Sequence[str]
    questions: Sequence[str]
    relevant: Sequence[frozenset[int]]


class Turn(NamedTuple):
    """The last turn of a conversation."""

    question: str
    before: str
    """The user's turn before, or nothing."""
    answered: str
    """What was answered to it."""
    answerable: bool


def squad(root: Path, version: str, part: str = "dev") -> list[Asked]:
    """`version` is 1.1, where every paragraph answers, or 2.0."""
    asked: list[Asked] = []
    for article in _json(root / f"squad/{part}/squad-v{version}-part.json.gz")["data"]:
        for paragraph in article["paragraphs"]:
            text, title = paragraph["context"], article["title"].replace("_", " ")
            spans = sentences.split(text)
            for row in paragraph["qas"]:
                starts = [] if row.get("is_impossible") else [answer["answer_start"] for answer in row["answers"]]
                gold = frozenset(i for i, span in enumerate(spans) for start in starts if span[0] <= start < span[1])
                asked.append(Asked(row["question"], text, title, spans, gold))
    return asked


def covid(root: Path, around: int = 700) -> list[Asked]:
    """Questions over the part of the paper that answers, so many characters to each side."""
    asked: list[Asked] = []
    for document in _json(root / "covid-qa/dev/covidqa-squad.json.gz")["data"]:
        for paper in document["paragraphs"]:
            for row in paper["qas"]:
                start = row["answers"][0]["answer_start"] + 1
                first = max(0, start - around // 2 - hash(row["id"]) % (around // 2))
                text = paper["context"][first : first + around]
                spans = sentences.split(text)
                gold = frozenset(i for i, span in enumerate(spans) if span[0] <= start - first < span[1])
                asked.append(Asked(row["question"], text, "", spans, gold))
    return asked


def clapnq(root: Path) -> list[Asked]:
    """Half of the passages answer; the sentences chosen by the annotators are gold."""
    asked: list[Asked] = []
    for part in ("answerable", "unanswerable"):
        for row in _json_lines(root / f"clapnq/dev/{part}.jsonl.gz"):
            passage = row["passages"][0]
            chosen = set(row["output"][0]["selected_sentences"])
            text, spans, gold = "", list[tuple[int, int]](), set[int]()
            for i, sentence in enumerate(passage["sentences"]):
                spans.append((len(text), len(text) + len(sentence)))
                text += f"{sentence} "
                gold |= {i} if sentence in chosen else set()
            asked.append(Asked(row["input"], text.strip(), passage["title"], spans, frozenset(gold)))
    return asked


def squad_passages(root: Path) -> Searched:
    """Each development question of SQuAD 1.1 over the paragraphs of development and training articles."""
    asked = squad(root, "1.1")
    titles = {each.passage: each.title for each in [*asked, *squad(root, "1.1", "train")]}
    texts = list(titles)
    relevant = [frozenset({texts.index(each.passage)}) for each in asked]
    return Searched(texts, [titles[text] for text in texts], [each.question for each in asked], relevant)


def scifact(root: Path) -> Searched:
    """Claims over abstracts."""
    corpus = _json_lines(root / "scifact/corpus.jsonl.gz")
    place = {row["_id"]: i for i, row in enumerate(corpus)}
    relevant: dict[str, set[int]] = {}
    with (root / "scifact/dev/qrels.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if int(row["score"]) > 0:
                relevant.setdefault(row["query-id"], set()).add(place[row["corpus-id"]])
    claims = [row for row in _json_lines(root / "scifact/dev/queries.jsonl.gz") if row["_id"] in relevant]
    texts, titles = [row["text"] for row in corpus], [row["title"] for row in corpus]
    return Searched(texts, titles, [row["text"] for row in claims], [frozenset(relevant[row["_id"]]) for row in claims])


def mtrag(root: Path) -> tuple[Searched, list[Turn]]:
    """Conversations over reference passages; for some turns nothing is relevant."""
    corpus = _json_lines(root / "mtrag-un/dev/passages.jsonl.gz")
    place = {row["_id"]: i for i, row in enumerate(corpus)}
    relevant: dict[str, set[int]] = {}
    with (root / "mtrag-un/dev/qrels.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            relevant.setdefault(row["query-id"], set()).add(place[row["corpus-id"]])
    tasks = _json_lines(root / "mtrag-un/dev/tasks.jsonl.gz")
    turns = [_turn(task) for task in tasks]
    found = [frozenset(relevant.get(task["task_id"], ())) for task in tasks]
    return Searched([row["text"] for row in corpus], [row["title"] for row in corpus], [t.question for t in turns], found), turns


def _turn(task: Mapping[str, Any]) -> Turn:
    users = [said["text"] for said in task["input"] if said["speaker"] == "user"]
    agents = [said["text"] for said in task["input"] if said["speaker"] == "agent"]
    before, answered = users[-2] if len(users) > 1 else "", agents[-1] if agents else ""
    return Turn(users[-1], before, answered, task["answerability"][0] != "UNANSWERABLE")


def _json(file: Path) -> Any:
    return json.loads(gzip.decompress(file.read_bytes()))


def _json_lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
