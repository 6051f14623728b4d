"""Sync: what changed is read, what is gone is forgotten, what cannot be read is named, and the rest costs a hash."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import furnish
from documents import archive, write
from stores import Stores

from chatbot import registry
from chatbot.bootstrap import Application
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import SettingsError
from chatbot.knowledge.corpus import Corpus
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources.collections import Collection
from chatbot.knowledge.sources.listing import BUILT_IN
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.tables import Source
from chatbot.knowledge.syncing.plan import Plan, plan
from chatbot.knowledge.syncing.sync import Synchronizer
from chatbot.reports import DocumentReport
from chatbot.settings import Settings

CATS = "# Cats\n\nCats purr when they are happy.\n"
DOGS = "# Dogs\n\nDogs bark at the postman every morning.\n"
LONG = "\n\n".join(f"# Part {number}\n\nMachine {number} needs {number * 7} litres of oil a year." for number in range(30))


class Shelf:
    """A folder with catalogue and indexes of its own; chunks are short."""

    def __init__(self, folder: Path, catalogue: Catalogue, indexes: Indexes, encoder: BiEncoder) -> None:
        self.folder = folder
        self.catalogue = catalogue
        self.indexes = indexes
        self.encoder = encoder
        self.built_in: dict[str, Collection] = {}
        folder.mkdir()

    def write(self, **files: str | bytes) -> None:
        """Write files, `cats_md="..."` into cats.md."""
        write(self.folder, {name.replace("_", "."): content for name, content in files.items()})

    def synchronizer(self, most: int = 32) -> Synchronizer:
        splitter = Splitter(self.encoder.tokenizer_file, 8, most, self.encoder.card.max_tokens)
        return Synchronizer(Stores(self.catalogue, self.indexes, splitter, self.encoder))

    def sources(self) -> Sources:
        return Sources(self.catalogue, self.built_in)

    def source(self, path: Path | None = None, collection: str = "shelf") -> Source:
        return self.sources().register(str(path or self.folder), collection)

    def plan(self, *sources: Source) -> Plan:
        return plan(sources or [self.source()], self.catalogue, self.sources().list)

    def sync(self, *sources: Source, most: int = 32) -> dict[str, DocumentReport]:
        """Sync `sources`, or else the folder; reports by path."""
        return {report.source: report for report in self.synchronizer(most).run(self.plan(*sources))}

    def preview(self) -> dict[str, str]:
        return states(self.preview_of(self.source()))

    def preview_of(self, source: Source) -> dict[str, DocumentReport]:
        return {report.source: report for report in self.synchronizer().preview(self.plan(source))}

    def search(self, text: str, collections: tuple[str, ...] = ()) -> set[str]:
        """Paths of the documents that either index finds for `text`."""
        lexical = self.indexes.lexical.search(text, 5, collections, ("public",))
        dense = self.indexes.dense.search(self.encoder.encode_query(text), 5, collections, ("public",))
        close = [chunk for chunk, cosine in dense.items() if cosine > 0.4]
        return {document.source for _, document in self.catalogue.published_chunks([*lexical, *close]).values()}


@pytest.fixture
def shelf(tmp_path: Path, catalogue: Catalogue, indexes: Indexes, encoder: BiEncoder) -> Shelf:
    return Shelf(tmp_path / "shelf", catalogue, indexes, encoder)


def states(reports: dict[str, DocumentReport]) -> dict[str, str]:
    return {path: report.state for path, report in reports.items()}


@contextmanager
def plugged_in(site: Path, extract: str) -> Iterator[None]:
    """Somebody else's package with a format for `.odd` files."""
    write(
        site,
        {
            "odd_format.py": f"from chatbot.knowledge.formats.extracted import Extracted\n{extract}\n",
            "odd_format-1.dist-info/METADATA": "Name: odd-format\nVersion: 1\n",
            "odd_format-1.dist-info/entry_points.txt": "[chatbot.formats]\nodd = odd_format:extract\n",
        },
    )
    registry._parts.cache_clear()
    yield
    registry._parts.cache_clear()


def embedded(reports: dict[str, DocumentReport]) -> int:
    return sum(report.embedded_chunks for report in reports.values())


def test_new_files_are_added_and_found(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS, dogs_md=DOGS)
    reports = shelf.sync()
    assert states(reports) == {"cats.md": "added", "dogs.md": "added"}
    assert embedded(reports) == sum(report.chunks for report in reports.values()) == 2
    assert shelf.search("a feline that is content") == {"cats.md"}
    assert shelf.search("postman") == {"dogs.md"}
    assert shelf.indexes.difference() == ""


def test_a_second_sync_encodes_nothing(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS, dogs_md=DOGS)
    first = shelf.sync()
    second = shelf.sync()
    assert states(second) == {"cats.md": "unchanged", "dogs.md": "unchanged"}
    assert embedded(second) == 0
    assert {path: report.chunks for path, report in second.items()} == {path: report.chunks for path, report in first.items()}


def test_a_touched_file_with_the_same_content_is_unchanged(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS)
    shelf.sync()
    os.utime(shelf.folder / "cats.md", ns=(1, 1))
    assert states(shelf.sync()) == {"cats.md": "unchanged"}


def test_a_changed_file_is_read_anew(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS)
    shelf.sync()
    shelf.write(cats_md="# Cats\n\nTigers roar at night.\n")
    assert states(shelf.sync()) == {"cats.md": "changed"}
    assert shelf.search("roar") == {"cats.md"}
    assert shelf.search("purr") == set()
    assert shelf.indexes.difference() == ""


def test_one_changed_paragraph_encodes_only_its_chunk(shelf: Shelf) -> None:
    shelf.write(long_md=LONG)
    assert embedded(shelf.sync()) == 30
    shelf.write(long_md=LONG.replace("Machine 7 needs 49 litres", "Machine 7 wants 50 litres"))
    reports = shelf.sync()
    assert (states(reports), embedded(reports), reports["long.md"].chunks) == ({"long.md": "changed"}, 1, 30)


def test_a_moved_file_encodes_nothing(shelf: Shelf) -> None:
    shelf.write(long_md=LONG)
    shelf.sync()
    (shelf.folder / "long.md").rename(shelf.folder / "moved.md")
    reports = shelf.sync()
    assert states(reports) == {"moved.md": "renamed"}
    assert embedded(reports) == 0
    assert shelf.search("machine oil") == {"moved.md"}


def test_a_removed_file_disappears_from_search(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS, dogs_md=DOGS)
    shelf.sync()
    (shelf.folder / "cats.md").unlink()
    assert states(shelf.sync()) == {"dogs.md": "unchanged", "cats.md": "removed"}
    assert shelf.search("purr") == set()
    assert shelf.indexes.difference() == ""


def test_a_file_that_comes_back_is_found_again(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS)
    shelf.sync()
    (shelf.folder / "cats.md").unlink()
    shelf.sync()
    shelf.write(cats_md=CATS)
    assert states(shelf.sync()) == {"cats.md": "added"}
    assert shelf.search("purr") == {"cats.md"}


def test_a_folder_that_is_not_there_fails_and_keeps_its_documents(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS)
    source = shelf.source()
    shelf.sync(source)
    shelf.folder.rename(shelf.folder.with_name("away"))
    place = str(shelf.folder)
    for reports in (shelf.sync(source), shelf.sync(), shelf.preview_of(source)):  # named, all, and dry
        assert states(reports) == {place: "failed"}
        assert f"documents stay; mount or restore it, or remove it with `chatbot sync --remove {place}`" in reports[place].reason
    assert shelf.search("purr") == {"cats.md"}
    shelf.folder.with_name("away").rename(shelf.folder)
    assert states(shelf.sync(source)) == {"cats.md": "unchanged"}


def test_what_lies_in_a_folder_that_cannot_be_read_is_kept(shelf: Shelf) -> None:
    files = {path: shelf.folder / path for path in ("a.md", "deep/b.md", "deeper/c.md")}
    write(shelf.folder, dict.fromkeys(files, CATS))
    shelf.built_in = {"cats": Collection(name="cats", title="Cats", files=files)}
    shelf.sources().register_built_in()
    (source,) = shelf.catalogue.sources()
    shelf.sync(source)
    reason = "cannot be read: Permission denied"
    shelf.built_in = {"cats": Collection(name="cats", title="Cats", files={}, unreadable={"deep": reason})}
    reports = shelf.sync(source)
    assert states(reports) == {"a.md": "removed", "deep": "failed", "deeper/c.md": "removed"}
    assert reports["deep"].reason == reason
    shelf.built_in = {"cats": Collection(name="cats", title="Cats", files={}, unreadable={"": reason})}
    assert states(shelf.sync(source)) == {"cats": "failed"}
    assert shelf.search("purr") == {"deep/b.md"}


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_permissions_that_are_taken_away_delete_nothing(shelf: Shelf) -> None:
    write(shelf.folder, {"a.md": CATS, "deep/b.md": DOGS})
    shelf.sync()
    for folder, there in ((shelf.folder / "deep", {"a.md": "unchanged", "deep": "failed"}), (shelf.folder, None)):
        folder.chmod(0)
        assert states(shelf.sync()) == (there or {str(shelf.folder): "failed"})
        folder.chmod(0o700)
    (shelf.folder / "a.md").chmod(0)
    assert states(shelf.sync()) == {"a.md": "failed", "deep/b.md": "unchanged"}
    assert shelf.search("purr") == {"a.md"}
    assert shelf.search("postman") == {"deep/b.md"}


def test_a_source_that_is_forgotten_takes_its_documents_with_it(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write(cats_md=CATS)
    more = write(tmp_path / "more", {"dogs.md": DOGS})
    shelf.sync(shelf.source(), shelf.source(more))
    shelf.folder.rename(tmp_path / "away")
    reports = list(shelf.synchronizer().forget(shelf.sources().registered([str(shelf.folder)])))
    assert [(report.source, report.state) for report in reports] == [("cats.md", "removed")]
    assert [source.location for source in shelf.catalogue.sources()] == [str(more)]
    assert shelf.search("purr") == set()
    assert shelf.indexes.difference() == ""


def test_what_is_not_registered_cannot_be_forgotten(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write(cats_md=CATS)
    shelf.sync()
    with pytest.raises(SettingsError, match=f"/nowhere' is not registered; there are: {shelf.folder}"):
        shelf.sources().registered([str(shelf.folder), str(tmp_path / "nowhere")])
    assert shelf.search("purr") == {"cats.md"}


def test_a_span_of_thousands_of_digits_is_read(shelf: Shelf) -> None:
    shelf.write(a_html=f"<table><tr><td colspan={'9' * 5_000}>cell</td></tr></table>", b_md=CATS)
    assert states(shelf.sync()) == {"a.html": "added", "b.md": "added"}


def test_a_format_that_breaks_fails_alone_and_keeps_the_old_text(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with plugged_in(tmp_path / "site", "def extract(raw): return Extracted(title=raw[:4].decode(), text=str(8 // len(raw[8:])))"):
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        shelf.write(a_odd=b"odd: 1234", b_md=CATS)
        assert states(shelf.sync()) == {"a.odd": "added", "b.md": "added"}
        shelf.write(a_odd=b"odd: 123", b_md=DOGS)
        reports = shelf.sync()
        assert states(reports) == {"a.odd": "failed", "b.md": "changed"}
        assert reports["a.odd"].reason.startswith("the .odd reader failed: ZeroDivisionError: ")
        assert shelf.preview() == {"a.odd": "failed", "b.md": "unchanged"}
        assert "a.odd" in shelf.search("8")


def test_one_bad_file_does_not_stop_the_rest(shelf: Shelf) -> None:
    shelf.write(
        a_pdf=b"%PDF-1.4 broken",
        b_md=CATS,
        c_docx=b"PK\x03\x04 broken",
        d_xlsx=b"x",
        e_html="<div>" * 20_000,
        f_txt=b"",
        g_md=DOGS,
    )
    reports = shelf.sync()
    assert states(reports) == {
        "a.pdf": "refused", "b.md": "added", "c.docx": "refused", "d.xlsx": "refused", "e.html": "refused", "f.txt": "refused",
        "g.md": "added",
    }  # fmt: skip
    assert all(report.reason for report in reports.values() if report.state == "refused")
    assert reports["f.txt"].reason == "the file is empty"
    assert reports["d.xlsx"].reason == "named .xlsx, but its content is not"
    assert shelf.search("purr") == {"b.md"}


def test_a_refused_file_is_looked_at_again(shelf: Shelf) -> None:
    shelf.write(cats_md=b"")
    assert states(shelf.sync()) == states(shelf.sync()) == {"cats.md": "refused"}
    shelf.write(cats_md=CATS)
    assert states(shelf.sync()) == {"cats.md": "added"}


@pytest.mark.parametrize("content", [b"", b"\x00\x01" * 500, b"%PDF-1.7 under another name"])
def test_a_file_that_can_no_longer_be_read_stops_answering(content: bytes, shelf: Shelf) -> None:
    shelf.write(cats_md=CATS)
    shelf.sync()
    shelf.write(cats_md=content)
    assert states(shelf.sync()) == {"cats.md": "refused"}
    assert shelf.search("purr") == set()
    assert shelf.indexes.difference() == ""


def test_a_file_that_vanishes_while_syncing_fails_alone(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS, dogs_md=DOGS)
    synchronizer = shelf.synchronizer()
    tasks = shelf.plan()
    (shelf.folder / "cats.md").unlink()
    reports = {report.source: report for report in synchronizer.run(tasks)}
    assert states(reports) == {"cats.md": "failed", "dogs.md": "added"}
    assert reports["cats.md"].reason == "cannot be read: No such file or directory"


def test_a_file_that_fails_for_once_keeps_its_document(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS)
    shelf.sync()
    synchronizer = shelf.synchronizer()
    tasks = shelf.plan()
    (shelf.folder / "cats.md").unlink()
    (shelf.folder / "cats.md").mkdir()
    reports = {report.source: report for report in synchronizer.run(tasks)}
    assert reports["cats.md"].reason == "cannot be read: Is a directory"
    assert shelf.search("purr") == {"cats.md"}


def test_a_partly_readable_file_says_what_is_missing(shelf: Shelf) -> None:
    shelf.write(manual_zip=archive({"a.md": b"# Boiler\n\nIt opens at seven bar.", "b.exe": b"MZ"}))
    first = shelf.sync()["manual.zip"]
    assert (first.state, first.reason, first.chunks) == ("partly", "not read: b.exe (files of this type are not read)", 1)
    second = shelf.sync()["manual.zip"]
    assert (second.state, second.reason) == ("unchanged", "not read: b.exe (files of this type are not read)")


def test_a_dry_run_says_what_would_happen_and_changes_nothing(shelf: Shelf) -> None:
    shelf.write(a_md=CATS, b_md=DOGS, c_md=LONG, d_md=b"")
    shelf.sync()
    before = shelf.catalogue.chunk_ids()
    (shelf.folder / "b.md").unlink()
    shelf.write(
        c_md="# New\n\nWords.",
        e_md="# Birds\n\nBirds sing.",
        f_txt=b"",
        g_xlsx=b"x",
        h_zip=archive({"a.md": b"A b", "b.exe": b"MZ"}),
    )
    preview = shelf.preview()
    assert preview == {
        "a.md": "unchanged", "b.md": "removed", "c.md": "changed", "d.md": "refused", "e.md": "added", "f.txt": "refused",
        "g.xlsx": "refused", "h.zip": "partly",
    }  # fmt: skip
    assert shelf.catalogue.chunk_ids() == before
    assert shelf.indexes.difference() == ""
    assert states(shelf.sync()) == preview, "and then it does happen"


def test_two_sources_live_in_one_collection(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write(cats_md=CATS)
    more = write(tmp_path / "more", {"cats.md": DOGS})
    first, second = shelf.source(), shelf.source(more)
    shelf.sync(first, second)
    assert shelf.catalogue.collections() == {"shelf": 2}
    (more / "cats.md").unlink()
    assert states(shelf.sync(second)) == {"cats.md": "removed"}, "removal is judged inside a source"
    assert shelf.search("purr") == {"cats.md"}
    assert shelf.search("postman") == set()


def test_a_sync_of_one_source_leaves_the_others_alone(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write(cats_md=CATS)
    shelf.sync()
    (shelf.folder / "cats.md").unlink()
    shelf.sync(shelf.source(write(tmp_path / "more", {"dogs.md": DOGS})))
    assert shelf.search("purr") == {"cats.md"}


def test_a_source_moves_to_the_collection_it_is_synced_into(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS, dogs_md=DOGS)
    shelf.sync()
    reports = shelf.sync(shelf.source(collection="zoo"))
    assert states(reports) == {"cats.md": "changed", "dogs.md": "changed"}
    assert embedded(reports) == 0
    assert shelf.catalogue.collections() == {"zoo": 2}
    assert (shelf.search("purr", ("zoo",)), shelf.search("purr", ("shelf",))) == ({"cats.md"}, set())
    assert states(shelf.sync(shelf.source(collection=""))) == {"cats.md": "unchanged", "dogs.md": "unchanged"}
    assert shelf.indexes.difference() == ""


def test_a_path_given_twice_is_read_once(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS)
    synchronizer = shelf.synchronizer()
    again = shelf.source(shelf.folder / ".." / shelf.folder.name)
    assert [report.state for report in synchronizer.run(shelf.plan(shelf.source(), again))] == ["added"]


def test_the_same_words_in_two_documents_are_encoded_once(shelf: Shelf) -> None:
    shelf.write(a_md=LONG, b_md=LONG)
    reports = shelf.sync()
    assert (reports["a.md"].chunks, reports["b.md"].chunks, embedded(reports)) == (30, 30, 30)
    (shelf.folder / "a.md").unlink()
    shelf.sync()
    assert shelf.search("machine oil") == {"b.md"}
    assert shelf.indexes.difference() == ""


def test_a_single_file_is_a_source(shelf: Shelf, tmp_path: Path) -> None:
    write(tmp_path, {"alone.md": CATS})
    source = shelf.source(tmp_path / "alone.md")
    assert states(shelf.sync(source)) == {"alone.md": "added"}
    (tmp_path / "alone.md").unlink()
    assert states(shelf.sync(source)) == {str(tmp_path / "alone.md"): "failed"}
    assert shelf.search("purr") == {"alone.md"}


def test_questions_are_no_document_wherever_they_lie(shelf: Shelf) -> None:
    write(shelf.folder, {"cats.md": CATS, "questions.jsonl": "{}", "deep/questions.jsonl": "{}"})
    assert states(shelf.sync()) == {"cats.md": "added"}


def test_a_link_that_leads_out_of_the_folder_is_not_read(shelf: Shelf, tmp_path: Path) -> None:
    secret = write(tmp_path / "private", {"secret.md": DOGS}) / "secret.md"
    shelf.write(cats_md=CATS, pets_md=DOGS)
    shelf.sync()
    for name in ["pets.md", "absolute.md"]:
        (shelf.folder / name).unlink(missing_ok=True)
        (shelf.folder / name).symlink_to(secret)
    (shelf.folder / "relative.md").symlink_to("../private/secret.md")
    (shelf.folder / "chained.md").symlink_to("relative.md")
    (shelf.folder / "all.md").symlink_to(secret.parent, target_is_directory=True)
    expected = {
        "cats.md": "unchanged",
        **dict.fromkeys(["pets.md", "absolute.md", "relative.md", "chained.md", "all.md"], "refused"),
    }
    assert shelf.preview() == expected
    reports = shelf.sync()
    assert states(reports) == expected
    assert reports["absolute.md"].reason == "a link that leads out of the folder"
    assert reports["all.md"].reason == "a link to a folder, which is not followed; sync that folder itself"
    assert shelf.search("bark postman") == set(), "what stood there before is forgotten"


def test_links_that_stay_in_the_folder_are_read(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write(cats_md=CATS)
    (shelf.folder / "again.md").symlink_to("cats.md")
    (shelf.folder / "loop.md").symlink_to("loop.md")
    (shelf.folder / "up").symlink_to("..", target_is_directory=True)
    (tmp_path / "alias").symlink_to(shelf.folder, target_is_directory=True)
    expected = {"cats.md": "added", "again.md": "added", "loop.md": "failed", "up": "refused"}
    assert states(shelf.sync(shelf.source(tmp_path / "alias"))) == expected


def test_a_link_that_is_named_is_followed(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write(cats_md=CATS)
    (tmp_path / "alias.md").symlink_to(shelf.folder / "cats.md")
    assert states(shelf.sync(shelf.source(tmp_path / "alias.md"))) == {"cats.md": "added"}


def test_a_path_that_is_not_there_is_refused(shelf: Shelf) -> None:
    with pytest.raises(SettingsError, match="there is no file or folder '.*/nowhere'; check the spelling"):
        shelf.source(shelf.folder / "nowhere")


def test_a_path_that_leads_nowhere_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to("there")
    (tmp_path / "there").symlink_to("here")
    for given in (tmp_path / "here", "~nobody-has-this-name/papers"):
        with pytest.raises(SettingsError, match="leads nowhere"):
            shelf.sources().register(str(given), "shelf")
    with pytest.raises(SettingsError, match="a path is empty"):
        shelf.sources().register("", "shelf")


def test_a_folder_whose_own_name_is_no_text_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    os.mkdir(folder)
    with pytest.raises(SettingsError, match=r"caf\\xe9' is no UTF-8"):
        shelf.sources().register(folder, "shelf")


@pytest.mark.parametrize("name", ["two\nlines", "a/b", "\udcff"])
def test_a_collection_that_could_not_be_named_again_is_refused(name: str, shelf: Shelf) -> None:
    with pytest.raises(SettingsError, match="a name may hold neither"):
        shelf.source(collection=name)


def test_the_data_directory_is_no_part_of_a_folder(tmp_path: Path, models: Path) -> None:
    settings = Settings(data_dir=furnish(tmp_path / "papers/data", models), knowledge=write(tmp_path / "papers", {"a.md": CATS}))
    with Corpus(settings, "pytest") as corpus:
        for _ in range(2):  # the second time there is more in it
            reports = [*corpus.sync(()), *corpus.sync([str(tmp_path / "papers")], "papers")]
            assert {report.source for report in reports} == {"a.md"}


def test_a_document_of_many_hundred_chunks_is_synced(shelf: Shelf) -> None:
    shelf.write(large_txt="\n\n".join(f"Animal {number} of the zoo sleeps in house {number % 7}." for number in range(640)))
    report = shelf.sync(most=16)["large.txt"]
    assert (report.state, report.chunks, report.embedded_chunks) == ("added", 640, 640)
    assert shelf.indexes.difference() == ""


def test_a_document_of_headings_alone_is_found(shelf: Shelf) -> None:
    shelf.write(phones_md="# Telephone numbers\n\n## Reception 555-100\n\n## Postman 555-200\n")
    assert shelf.sync()["phones.md"].chunks == 2
    assert shelf.search("reception") == {"phones.md"}


@pytest.mark.parametrize("name", [b"caf\xe9.md", "löwe 🙂.md".encode(), b"new\nline.md", b"-rf.md", b"quo'te\".MD", b"sp ace.md"])
def test_any_file_name_can_be_synced_and_reported(name: bytes, shelf: Shelf) -> None:
    Path(os.fsdecode(os.fsencode(shelf.folder) + b"/" + name)).write_text(CATS)
    (report,) = shelf.sync().values()
    assert report.state == "added"
    assert report.model_dump_json()
    assert shelf.search("purr") == {report.source}
    assert states(shelf.sync()) == {report.source: "unchanged"}


def test_a_stopped_sync_loses_nothing(shelf: Shelf) -> None:
    shelf.write(**{f"f{number}_md": f"# File {number}\n\nFile {number} is about topic{number}." for number in range(6)})
    shelf.sync()
    shelf.write(**{f"f{number}_md": f"# File {number}\n\nFile {number} is about subject{number}." for number in range(6)})
    synchronizer = shelf.synchronizer()
    running = synchronizer.run(shelf.plan())
    next(running)
    running.close()
    assert set(states(shelf.sync()).values()) <= {"changed", "unchanged"}
    chunks = shelf.catalogue.published_chunks(shelf.catalogue.chunk_ids()).values()
    assert sorted(chunk.text[-9:] for chunk, _ in chunks) == [f"subject{number}." for number in range(6)]
    assert shelf.indexes.difference() == ""


def test_a_built_in_collection_that_is_gone_is_forgotten(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS)
    shelf.built_in = {"cats": Collection(name="cats", title="Cats", files={"cats.md": shelf.folder / "cats.md"})}
    shelf.sources().register_built_in()
    (source,) = shelf.catalogue.sources()
    assert source.location == f"{BUILT_IN}cats"
    assert states(shelf.sync(source)) == {"cats.md": "added"}
    shelf.built_in = {}
    assert states(shelf.sync(source)) == {"cats.md": "removed"}
    shelf.sources().forget_empty()
    assert shelf.catalogue.sources() == []


def test_the_built_in_knowledge_needs_nothing_on_a_second_sync(application: Application) -> None:
    reports = list(application.sync(()))
    assert {report.state for report in reports} == {"unchanged"}
    assert sum(report.embedded_chunks for report in reports) == 0
    assert application.indexes.difference() == ""


def test_a_document_has_its_own_date_else_that_of_its_file(shelf: Shelf) -> None:
    shelf.write(cats_md=CATS, dogs_md=f"---\ndate: 2020-02-03\n---\n\n{DOGS}")
    os.utime(shelf.folder / "cats.md", (0, 1_700_000_000))
    shelf.sync()
    with_dates = shelf.catalogue.published_chunks(shelf.catalogue.chunk_ids()).values()
    assert {document.source: document.date for _, document in with_dates} == {"cats.md": "2023-11-14", "dogs.md": "2020-02-03"}
