"""What a chunk costs beyond one machine: its bytes in PostgreSQL, and the CPU of the process that indexes and publishes it.

python benchmarks/scale.py --chunks 20000 --append benchmarks/results/knowledge.jsonl

Documents of random words are staged with random vectors, as workers of a cluster leave them; then the owner reads, indexes
(Chroma on a server, tantivy here) and publishes them. PostgreSQL and Chroma are real servers of this machine, and their CPU is
not counted.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import chroma_process  # pyright: ignore[reportMissingImports]  the tests' own
import postgres_server  # pyright: ignore[reportMissingImports]

from chatbot.knowledge.indexes.chroma_server import ChromaServer
from chatbot.knowledge.indexes.dense import DenseIndex, ServedDense
from chatbot.knowledge.indexes.lexical import LexicalIndex
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.schema import Chunk, Document
from chatbot.sections import ChromaSettings

_DIMENSION = 384
_CHARS = 1000
_PER_DOCUMENT = 10
_BATCH = 25
"""Documents published at once."""
_FINGERPRINT = "random"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--append", type=Path, help="a file of JSON lines")
    options = parser.parse_args()
    with (
        postgres_server.started() as postgres,
        tempfile.TemporaryDirectory() as folder,
        chroma_process.started(Path(folder, "chroma")) as chroma,
    ):
        url = postgres.new_database()
        catalogue = Catalogue(url)
        ids = _staged(catalogue, options.chunks)
        dense = ServedDense(ChromaServer(ChromaSettings(url=chroma.url), catalogue)).open(Path("1"))
        lexical = LexicalIndex(Path(folder, "tantivy"))
        begun = time.monotonic()
        spent = _published(catalogue, dense, lexical, ids)
        seconds = time.monotonic() - begun
        size = _bytes(catalogue)
        result = {
            "what": "scale",
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "chunks": options.chunks,
            "PostgreSQL bytes a chunk": round(size / options.chunks),
            "tantivy bytes a chunk": round(_size(Path(folder, "tantivy")) / options.chunks),
            "Chroma bytes a chunk on disk": round(_size(Path(folder, "chroma")) / options.chunks),
            "CPU-ms a chunk of the owner": {name: round(1000 * each / options.chunks, 3) for name, each in spent.items()},
            "chunks/s wall": round(options.chunks / seconds),
        }
        dense.close()
        lexical.close()
        catalogue.close()
    print(json.dumps(result))
    if options.append:
        options.append.parent.mkdir(parents=True, exist_ok=True)
        with options.append.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")


def _staged(catalogue: Catalogue, count: int) -> list[str]:
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(20_000)]
    source = catalogue.add_source("halls", "/halls")
    ids: list[str] = []
    for number in range(count // _PER_DOCUMENT):
        id_ = f"{number:032x}"
        texts = [" ".join(chance.choices(words, k=150))[:_CHARS] for _ in range(_PER_DOCUMENT)]
        document = Document(id=id_, collection="halls", source=f"{number:08}.md", title="Halls", content_hash=id_)
        chunks = [
            Chunk(id=f"{number:028x}{at:04x}", document_id=id_, heading_path=("Halls",), text=text, start=0, end=len(text))
            for at, text in enumerate(texts)
        ]
        catalogue.stage(source, document, "\n".join(texts), "", "recipe", chunks)
        rows = [row for batch in catalogue.rows_of_documents([id_]) for row in batch]
        vectors = np.random.default_rng(number).normal(size=(len(rows), _DIMENSION)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        catalogue.put_embeddings({row.embedded_hash: vector for row, vector in zip(rows, vectors, strict=True)}, _FINGERPRINT)
        ids.append(id_)
    return ids


def _published(catalogue: Catalogue, dense: DenseIndex, lexical: LexicalIndex, ids: list[str]) -> dict[str, float]:
    """CPU-seconds of this process by part."""
    spent: dict[str, float] = dict.fromkeys(("read", "Chroma", "tantivy", "publish"), 0.0)
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        marks = [_cpu()]
        rows = [row for each in catalogue.rows_of_documents(batch) for row in each]
        vectors = catalogue.embeddings((row.embedded_hash for row in rows), _FINGERPRINT)
        marks.append(_cpu())
        dense.add(rows, vectors)
        marks.append(_cpu())
        lexical.add(rows)
        marks.append(_cpu())
        catalogue.note_embedded(batch)
        catalogue.publish(batch)
        marks.append(_cpu())
        for name, one, other in zip(spent, marks, marks[1:], strict=False):
            spent[name] += other - one
    return spent


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _bytes(catalogue: Catalogue) -> int:
    database: Any = catalogue._database  # pyright: ignore[reportPrivateUsage]
    with database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
