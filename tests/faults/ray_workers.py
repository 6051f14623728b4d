"""kill -9 of Ray workers at random moments of a sync into PostgreSQL and a Chroma server, then a look at what is there.

python tests/faults/ray_workers.py --count 20 --seed 0 --append tests/faults/results/ray_workers.jsonl

Each round syncs a folder on a cluster of this machine while its workers are killed one after another, changes a third of the
folder and syncs again. Then catalogue, Chroma and tantivy are compared with what one process alone makes of the same files.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import chroma_process
import postgres_server
from pydantic import SecretStr
from stores import Stores
from worker_killer import Killer

from chatbot.encoders import bi_encoder
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.indexes.chroma_server import ChromaServer
from chatbot.knowledge.indexes.copies import DISTANCE
from chatbot.knowledge.indexes.dense import ServedDense
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.reader import read
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.syncing import cluster
from chatbot.knowledge.syncing.distributed import DistributedSynchronizer
from chatbot.knowledge.syncing.plan import plan
from chatbot.knowledge.syncing.sync import Synchronizer
from chatbot.knowledge.syncing.worker import Errand
from chatbot.sections import ChromaSettings, ChunkSettings, EncoderSettings

DOCUMENTS = 120
MOST_KILLS = 5
"""In one sync: on a busy machine a worker takes ten seconds to begin, and must be let live for once."""
CHUNKS = ChunkSettings(min_tokens=8, max_tokens=32)


def page(number: int, version: int, parts: int) -> str:
    return "\n\n".join(f"# Part {part}\n\nMachine {number} of hall {part} needs {version} litres." for part in range(parts))


def one_round(
    seed: int, encoder: BiEncoder, model: str, models: Path, postgres: postgres_server.Server, chroma: str
) -> dict[str, object]:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        root = Path(scratch)
        folder = root / "folder"
        folder.mkdir()
        for number in range(DOCUMENTS):
            (folder / f"{number:04}.md").write_text(page(number, 1, chance.randint(1, 12)))
        url = postgres.new_database()
        catalogue = Catalogue(url)
        stack.callback(catalogue.close)
        home = ServedDense(ChromaServer(ChromaSettings(url=chroma), catalogue))
        indexes = Indexes(root / "indexes", catalogue, encoder, home=home)
        stack.callback(indexes.close)
        splitter = Splitter(encoder.tokenizer_file, CHUNKS.min_tokens, CHUNKS.max_tokens, encoder.card.max_tokens)
        errand = Errand(
            database=SecretStr(url), token=SecretStr(""), models=models, encoder=EncoderSettings(model=model),
            fingerprint=encoder.card.fingerprint, chunks=CHUNKS, recipe=splitter.recipe,
        )  # fmt: skip
        synchronizer = DistributedSynchronizer(
            Stores(catalogue, indexes, splitter, encoder), read, None,
            lambda tasks, token: cluster.process(cluster.LOCAL, tasks, errand.model_copy(update={"token": SecretStr(token)})),
        )  # fmt: skip
        sources = Sources(catalogue, {})
        kills, seconds, reported = 0, 0.0, 0
        for version in (1, 2):
            if version == 2:
                for number in chance.sample(range(DOCUMENTS), DOCUMENTS // 3):
                    file = folder / f"{number:04}.md"
                    file.unlink() if number % 5 == 0 else file.write_text(page(number, 2, chance.randint(1, 12)))
            killer = Killer(chance, MOST_KILLS)
            begun = time.monotonic()
            killer.start()
            reports = list(synchronizer.run(plan([sources.register(str(folder), "halls")], catalogue, sources.list)))
            kills += killer.stop()
            seconds += time.monotonic() - begun
            reported += sum(count - 1 for count in Counter(report.source for report in reports).values())
        wanted = alone(root, folder, encoder, splitter)
        return {"seed": seed, "documents": DOCUMENTS, "kills": kills, "seconds": round(seconds, 1), "reported twice": reported,
                **compared(catalogue, indexes, folder, wanted, encoder)}  # fmt: skip


def alone(root: Path, folder: Path, encoder: BiEncoder, splitter: Splitter) -> set[str]:
    """Ids of the chunks that a sync in one process makes."""
    (root / "alone").mkdir()
    catalogue = Catalogue(root / "alone" / "catalogue.sqlite")
    indexes = Indexes(root / "alone" / "indexes", catalogue, encoder)
    sources = Sources(catalogue, {})
    planned = plan([sources.register(str(folder), "halls")], catalogue, sources.list)
    list(Synchronizer(Stores(catalogue, indexes, splitter, encoder)).run(planned))
    found = catalogue.chunk_ids()
    indexes.close()
    catalogue.close()
    return found


def compared(catalogue: Catalogue, indexes: Indexes, folder: Path, wanted: set[str], encoder: BiEncoder) -> dict[str, int]:
    documents = Counter(document.source for document in catalogue.documents())
    files = {path.name for path in folder.iterdir()}
    rows = {row.id: row for batch in catalogue.all_rows() for row in batch}
    vectors = catalogue.embeddings((row.embedded_hash for row in rows.values()), encoder.card.fingerprint)
    stored = indexes.dense.vectors(sorted(rows))  # pyright: ignore[reportAttributeAccessIssue]  it is on the server
    return {
        "lost": len(files - set(documents)) + len(wanted - set(rows)),
        "duplicates": sum(documents.values()) - len(documents),
        "orphans": len(set(documents) - files) + len(set(rows) - wanted),
        "left unfinished": len(catalogue.in_state("pending", "parsed", "embedded", "failed")),
        "chroma differs": len(indexes.dense.ids() ^ wanted),
        "tantivy differs": len(indexes.lexical.ids() ^ wanted),
        "wrong vectors": sum(
            not np.allclose(stored[id_], vectors[row.embedded_hash], atol=DISTANCE) for id_, row in rows.items() if id_ in stored
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--append", type=Path, required=True, help="rounds that are in it already are not run again")
    parser.add_argument("--model", default=EncoderSettings().model)
    parser.add_argument("--models", type=Path, default=Path(".chatbot/models"), help="where compiled encoders lie")
    options = parser.parse_args()
    options.append.parent.mkdir(parents=True, exist_ok=True)
    done = {json.loads(line)["seed"] for line in options.append.read_text().splitlines()} if options.append.exists() else set()
    encoder = bi_encoder.load(options.model, options.models.absolute())
    with (
        postgres_server.started() as postgres,
        tempfile.TemporaryDirectory() as data,
        chroma_process.started(Path(data)) as chroma,
    ):
        for seed in range(options.seed, options.seed + options.count):
            if seed in done:
                continue
            result = one_round(seed, encoder, options.model, options.models.absolute(), postgres, chroma.url)
            with options.append.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(result, flush=True)


if __name__ == "__main__":
    main()
