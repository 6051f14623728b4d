"""Collections with relevance judgements in BEIR's form: corpus.jsonl, queries.jsonl, qrels.tsv."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from chatbot.evaluation.corpus import Text
from chatbot.evaluation.sets.folder import DataFolder, lines, table

Qrels = Mapping[str, Mapping[str, int]]
"""Grade by document, by query."""


class Beir(NamedTuple):
    name: str
    documents: list[Text]
    queries: dict[str, str]
    qrels: Qrels


def scifact(data: DataFolder) -> Beir:
    """Claims against abstracts; the corpus is one for all parts.

    Raises:
        DataMissing: as `DataFolder.part`.
    """
    return _read("scifact", data.shared("scifact", "corpus.jsonl.gz"), data.part("scifact"))


def classic(data: DataFolder) -> list[Beir]:
    """The small complete collections of the first decades of retrieval research.

    Raises:
        DataMissing: as `DataFolder.part`.
    """
    folders = sorted(path for path in data.part("classic-ir").iterdir() if path.is_dir())
    return [_read(f"classic-ir/{folder.name}", folder / "corpus.jsonl.gz", folder) for folder in folders]


def qrels(path: Path) -> Qrels:
    """Judgements by query."""
    judged: dict[str, dict[str, int]] = {}
    for row in table(path):
        judged.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return judged


def _read(name: str, corpus: Path, folder: Path) -> Beir:
    documents = [Text(str(row["_id"]), row.get("title") or "", row["text"]) for row in lines(corpus)]
    judged = qrels(folder / "qrels.tsv")
    queries = {str(row["_id"]): row["text"] for row in lines(folder / "queries.jsonl.gz")}
    return Beir(name, documents, {id_: query for id_, query in queries.items() if id_ in judged}, judged)
