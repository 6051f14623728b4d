"""Removal: of a document that is gone no word is left in any file, and its vector not in the catalogue."""

from __future__ import annotations

from pathlib import Path

from documents import write
from stores import Stores

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.syncing.plan import plan
from chatbot.knowledge.syncing.sync import Synchronizer

SECRET = "# Quetzalcoatlus\n\nThe pterodactyl eats marzipan at noon."
WORDS = (b"Quetzalcoatlus", b"quetzalcoatlus", b"pterodactyl", b"marzipan")


def holding(folder: Path, *wanted: bytes) -> set[str]:
    """Names of the files below a folder in which one of some byte strings stands."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name for path in files if any(each in path.read_bytes() for each in wanted)}


def test_a_removed_document_leaves_no_word_behind(tmp_path: Path, tiny_encoder: BiEncoder) -> None:
    data, folder = tmp_path / "data", tmp_path / "folder"
    data.mkdir()
    catalogue = Catalogue(data / "catalogue.sqlite")
    indexes = Indexes(data / "indexes", catalogue, tiny_encoder)
    sources = Sources(catalogue, {})
    splitter = Splitter(tiny_encoder.tokenizer_file, 8, 16, 48)

    def sync() -> None:
        planned = plan([sources.register(str(folder), "shelf")], catalogue, sources.list)
        list(Synchronizer(Stores(catalogue, indexes, splitter, tiny_encoder)).run(planned))

    write(folder, {"secret.md": SECRET, **{f"{number}.md": f"# Hall {number}\n\nOil and iron." for number in range(20)}})
    sync()
    (document,) = catalogue.documents("secret.md")
    rows = [row for batch in catalogue.rows_of_documents([document.id]) for row in batch]
    vectors = catalogue.embeddings((row.embedded_hash for row in rows), indexes.fingerprint).values()
    vector = next(iter(vectors)).tobytes()
    assert "catalogue.sqlite" in holding(data, *WORDS)
    assert "catalogue.sqlite" in holding(data, vector)
    (folder / "secret.md").unlink()
    sync()
    assert holding(data, *WORDS) == set()
    assert "catalogue.sqlite" not in holding(data, vector, document.id.encode())
    indexes.close()
    catalogue.close()
    assert holding(data, *WORDS) == set()
