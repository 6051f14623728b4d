"""MTRAG-UN: the last turns of conversations about four collections, with what each needs to be answered."""

from __future__ import annotations

from typing import Literal, NamedTuple

from chatbot.evaluation.corpus import Text
from chatbot.evaluation.sets.beir import Qrels, qrels
from chatbot.evaluation.sets.folder import DataFolder, lines
from chatbot.schema import Message

Answerability = Literal["answerable", "partial", "unanswerable", "underspecified"]


class Task(NamedTuple):
    id: str
    conversation: str
    collection: str
    question: str
    history: tuple[Message, ...]
    answerability: Answerability
    answer: str
    """Written by a person."""


class Mtrag(NamedTuple):
    passages: list[Text]
    tasks: list[Task]
    qrels: Qrels
    """Of the tasks that need passages."""


def mtrag(data: DataFolder) -> Mtrag:
    """
    Raises:
        DataMissing: as `DataFolder.part`.
    """
    passages = [
        Text(row["_id"], row.get("title") or "", row["text"]) for row in lines(data.file("mtrag-un", "passages.jsonl.gz"))
    ]
    tasks = [
        Task(
            id=row["task_id"],
            conversation=row["conversation_id"],
            collection=row["Collection"],
            question=row["input"][-1]["text"],
            history=tuple(
                Message(role="user" if turn["speaker"] == "user" else "assistant", content=turn["text"])
                for turn in row["input"][:-1]
            ),
            answerability=row["answerability"][0].lower(),
            answer=row["targets"][0]["text"],
        )
        for row in lines(data.file("mtrag-un", "tasks.jsonl.gz"))
    ]
    return Mtrag(passages, tasks, qrels(data.file("mtrag-un", "qrels.tsv")))
