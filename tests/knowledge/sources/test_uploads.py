"""Uploaded files lie under safe names in their own folder, whatever they were called."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from faults.file_names import names

from chatbot.errors import BadParameter, DocumentRefused
from chatbot.knowledge.sources import uploads
from chatbot.knowledge.sources.uploads import Uploads, safe_name


def listing(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


def test_five_hundred_hostile_names_stay_in_their_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "catalogue.sqlite").write_text("ours")
    before = listing(tmp_path)
    received = Uploads(tmp_path / "data" / "uploads")
    given = names(500)
    for number, name in enumerate(given):
        file = received.receive("papers", name, io.BytesIO(str(number).encode()))
        assert file.parent == tmp_path / "data" / "uploads" / "papers"
        assert file.read_text() == str(number)
    new = listing(tmp_path) - before - {str(tmp_path / "data" / "uploads"), str(tmp_path / "data" / "uploads" / "papers")}
    # each lies there, and none has overwritten another
    assert {str(Path(path).parent) for path in new} == {str(tmp_path / "data" / "uploads" / "papers")}
    assert len(new) == len(given) == 500
    assert (tmp_path / "data" / "catalogue.sqlite").read_text() == "ours"


def test_a_safe_name_is_one_name_everywhere() -> None:
    devices, ours = {"con", "prn", "aux", "nul", "com1", "lpt9"}, {"questions.jsonl", "knowledge.toml"}
    for name in names(500):
        made = safe_name(name)
        assert made.isprintable(), name
        assert len(made.encode()) <= 150, name
        assert not set(made) & set('/\\:*?"<>|%$;&'), name
        assert made.strip(" .") == made, name
        assert made.partition(".")[0].lower() not in devices, name
        assert made not in ours, name


@pytest.mark.parametrize(
    "name", ["report.pdf", "Report 2 (final).PDF", "Stra\u00dfe.md", "\u732b.txt", "a.b.c.docx", "archive.tar.gz"]
)
def test_an_ordinary_name_stays(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize("collection", ["..", "", "a/b", "a\\b", ".hidden", "x" * 65, "con", "a b", "\u732b", "a\x00"])
def test_no_upload_makes_a_folder_elsewhere(tmp_path: Path, collection: str) -> None:
    with pytest.raises(BadParameter, match="letters, digits, - and _"):
        Uploads(tmp_path).receive(collection, "a.md", io.BytesIO(b"x"))
    assert listing(tmp_path) == set()


def test_too_large_a_file_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_BYTES", 1000)
    received = Uploads(tmp_path)
    received.receive("papers", "a.md", io.BytesIO(b"before"))
    with pytest.raises(DocumentRefused, match="larger than"):
        received.receive("papers", "a.md", io.BytesIO(bytes(1001)))
    assert [path.read_bytes() for path in (tmp_path / "papers").iterdir()] == [b"before"]


def test_only_an_uploaded_file_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("ours")
    received = Uploads(tmp_path / "uploads")
    received.receive("papers", "a.md", io.BytesIO(b"x"))
    assert not any(received.remove("papers", name) for name in ("../../secret.md", "b.md", "", "..", "../papers/a.md"))
    assert received.remove("papers", "a.md")
    assert (tmp_path / "secret.md").exists()


def test_what_was_arriving_when_the_process_was_killed_is_deleted(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")
    kept = uploads.receive("papers", "a.md", io.BytesIO(b"whole"))
    for name in (".0123456789abcdef", ".hidden"):
        kept.with_name(name).write_bytes(b"half")
    uploads.sweep()
    assert {path.name for path in kept.parent.iterdir()} == {"a.md", ".hidden"}
