"""The application as a whole: opened over real stores, synced, searched, and closed so that it can be opened again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from documents import write

from chatbot.bootstrap import Application, open_application
from chatbot.errors import DataDirectoryError, SettingsError, UnknownCollection
from chatbot.reports import DocumentReport
from chatbot.schema import Query
from chatbot.sections import EncoderSettings
from chatbot.settings import Settings

CATS = {"cats/purr.md": "# Cats\n\nCats purr when they are happy.", "dogs/bark.md": "# Dogs\n\nDogs bark at the postman."}


async def sources(application: Application, text: str, *collections: str) -> list[str]:
    found = await application.search(Query(text=text, collections=collections), 1)
    return [f"{passage.collection}/{passage.source}" for passage in found]


async def test_what_was_synced_is_found(small_application: Callable[..., Application]) -> None:
    application = small_application(CATS)
    assert await sources(application, "Why does a cat purr?") == ["cats/purr.md"]
    assert await sources(application, "Why does a cat purr?", "dogs") == ["dogs/bark.md"]


async def test_an_unknown_collection_is_refused(small_application: Callable[..., Application]) -> None:
    with pytest.raises(UnknownCollection, match="fish"):
        await small_application(CATS).search(Query(text="Why?", collections=("fish",)), 1)


async def test_a_second_opening_finds_what_the_first_synced(
    small_application: Callable[..., Application], tmp_path: Path
) -> None:
    first = small_application(CATS, data_dir=tmp_path / "data")
    first.close()
    second = small_application(CATS, data_dir=tmp_path / "data", knowledge=tmp_path / "knowledge-0")
    assert second.indexes.rebuilt == ""
    assert await sources(second, "purring cats") == ["cats/purr.md"]


async def test_a_path_is_synced_beside_the_knowledge(small_application: Callable[..., Application], tmp_path: Path) -> None:
    application = small_application(CATS)
    folder = write(tmp_path / "more", {"birds.md": "# Birds\n\nBirds sing at dawn."})
    assert [report.state for report in application.sync([str(folder)], "birds")] == ["added"]
    assert await sources(application, "Who sings at dawn?") == ["birds/birds.md"]
    (folder / "birds.md").unlink()
    assert [report.state for report in application.sync(())] == ["unchanged", "unchanged", "removed"]
    assert "birds/birds.md" not in await sources(application, "Who sings at dawn?")


def test_a_data_directory_has_one_application(small_application: Callable[..., Application], tmp_path: Path) -> None:
    small_application(CATS, data_dir=tmp_path / "data")
    with pytest.raises(DataDirectoryError, match="in use by process"):
        Application(Settings(data_dir=tmp_path / "data"), "ask")


def test_a_garbled_catalogue_is_refused_and_the_lock_given_back(data_dir_with_model: Path) -> None:
    (data_dir_with_model / "catalogue.sqlite").write_bytes(b"no database " * 100)
    for _ in range(2):
        with pytest.raises(
            DataDirectoryError,
            match=r"catalogue.sqlite cannot be used .*; .*restore the file from a backup, or move its folder away",
        ):
            Application(Settings(data_dir=data_dir_with_model), "ask")


async def test_a_lost_catalogue_is_made_anew_only_where_its_indexes_are_moved_away(
    small_application: Callable[..., Application], tmp_path: Path
) -> None:
    small_application(CATS, data_dir=tmp_path / "data").close()
    (tmp_path / "data" / "catalogue.sqlite").unlink()
    with pytest.raises(
        DataDirectoryError, match=r"catalogue.sqlite is gone .*move .*indexes away as well, then run `chatbot sync`"
    ):
        small_application(CATS, data_dir=tmp_path / "data")
    (tmp_path / "data" / "indexes").rename(tmp_path / "indexes of before")
    again = small_application(CATS, data_dir=tmp_path / "data")
    assert again.indexes.difference() == ""
    assert await sources(again, "purring cats") == ["cats/purr.md"]


async def test_lost_indexes_are_made_anew(small_application: Callable[..., Application], tmp_path: Path) -> None:
    small_application(CATS, data_dir=tmp_path / "data").close()
    shutil.rmtree(tmp_path / "data" / "indexes")
    again = small_application({}, data_dir=tmp_path / "data", knowledge=tmp_path / "knowledge-0")
    again.indexes.wait()
    assert again.indexes.rebuilt
    assert await sources(again, "purring cats") == ["cats/purr.md"]


def test_an_unknown_engine_is_refused(data_dir_with_model: Path) -> None:
    with pytest.raises(SettingsError, match="there is no engine 'magic'; there are: .*extractive"):
        Application(Settings(data_dir=data_dir_with_model, engine="magic"), "ask")


def test_another_encoder_makes_the_vectors_anew(
    small_application: Callable[..., Application], tiny: Path, tmp_path: Path
) -> None:
    small_application(CATS, data_dir=tmp_path / "data").close()
    shutil.copytree(tiny / "compiled", tmp_path / "data" / "models", dirs_exist_ok=True)
    flags = {"data_dir": tmp_path / "data", "knowledge": tmp_path / "knowledge-0"}
    again = small_application({}, **flags, encoder=EncoderSettings(model=str(tiny / "tiny")))
    again.indexes.wait()
    assert again.indexes.rebuilt == "the embedding model changed"
    assert again.indexes.difference() == ""


def test_the_working_directory_lays_its_knowledge_over_the_built_in(data_dir_with_model: Path) -> None:
    write(Path("knowledge"), {"handbook/01-what-chatbot-is.md": "# Mine\n\nMy own words.", "mine/a.md": "# A\n\nWords."})
    with Application(Settings(data_dir=data_dir_with_model), "ask") as application:
        assert {"handbook", "llm-primer", "mine"} <= application.collections.keys()
        files = application.collections["handbook"].files
        assert files["01-what-chatbot-is.md"] == Path("knowledge/handbook/01-what-chatbot-is.md").resolve()
        assert len(files) > 5


@pytest.fixture
def fresh(data_dir_with_model: Path, tmp_path: Path) -> Settings:
    """Settings over a data directory in which nothing was synced yet, and two documents that could be."""
    return Settings(data_dir=data_dir_with_model, knowledge=write(tmp_path / "fresh", CATS))


def states(reports: Iterable[DocumentReport]) -> dict[str, str]:
    return {f"{report.collection}/{report.source}": report.state for report in reports}


BOTH = {"cats/purr.md": "added", "dogs/bark.md": "added"}


def test_a_dry_run_in_a_fresh_directory_changes_nothing(fresh: Settings) -> None:
    for _ in range(2):
        with open_application(fresh, "sync", read_built_in=False) as application:
            assert states(application.sync((), dry_run=True)) == BOTH
            assert application.catalogue.sources() == []
            assert not application.has_read_built_in()
            assert application.is_empty()


def test_a_dry_run_of_a_path_does_not_register_it(fresh: Settings, tmp_path: Path) -> None:
    folder = write(tmp_path / "more", {"birds.md": "# Birds\n\nBirds sing at dawn."})
    with open_application(fresh, "sync", read_built_in=False) as application:
        assert states(application.sync([str(folder)], "birds", dry_run=True)) == {"birds/birds.md": "added"}
        assert states(application.sync(())) == BOTH
        list(application.sync([str(folder)], "birds"))
        assert states(application.sync([str(folder)], "zoo", dry_run=True)) == {"zoo/birds.md": "changed"}
        assert states(application.sync([str(folder)])) == {"birds/birds.md": "unchanged"}


def test_the_first_sync_is_the_one_that_was_asked_for(fresh: Settings) -> None:
    with open_application(fresh, "sync", read_built_in=False) as application:
        assert states(application.sync(())) == BOTH
        assert application.has_read_built_in()


async def test_a_synced_path_does_not_stand_for_the_built_in_knowledge(fresh: Settings, tmp_path: Path) -> None:
    folder = write(tmp_path / "more", {"birds.md": "# Birds\n\nBirds sing at dawn."})
    with open_application(fresh, "sync", read_built_in=False) as application:
        assert states(application.sync([str(folder)])) == {"documents/birds.md": "added"}
    said: list[str] = []
    for _ in range(2):
        with open_application(fresh, "ask", say=said.append) as application:
            assert await sources(application, "purring cats") == ["cats/purr.md"]
    assert said == ["reading the built-in documents, half a minute"], "once, and only when there is something to wait for"


def test_a_misspelt_path_registers_none(fresh: Settings, tmp_path: Path) -> None:
    folder = write(tmp_path / "more", {"birds.md": "# Birds\n\nBirds sing."})
    with open_application(fresh, "sync", read_built_in=False) as application:
        with pytest.raises(SettingsError, match="there is no file or folder"):
            list(application.sync([str(folder), str(tmp_path / "misspelt")]))
        assert application.catalogue.sources() == []


async def test_a_path_is_removed_with_its_documents(small_application: Callable[..., Application], tmp_path: Path) -> None:
    application = small_application(CATS)
    folder = write(tmp_path / "more", {"birds.md": "# Birds\n\nBirds sing at dawn."})
    list(application.sync([str(folder)], "birds"))
    shutil.rmtree(folder)
    assert states(application.sync(())) == {**dict.fromkeys(BOTH, "unchanged"), f"birds/{folder}": "failed"}
    assert await sources(application, "Who sings at dawn?") == ["birds/birds.md"]
    assert states(application.remove([str(folder)])) == {"birds/birds.md": "removed"}
    assert states(application.sync(())) == dict.fromkeys(BOTH, "unchanged")
    assert application.indexes.difference() == ""


def test_a_running_application_sees_what_comes_and_goes_in_its_knowledge(
    small_application: Callable[..., Application], tmp_path: Path
) -> None:
    application = small_application(CATS)
    write(tmp_path / "knowledge-0", {"birds/sing.md": "# Birds\n\nBirds sing at dawn."})
    (tmp_path / "knowledge-0" / "cats" / "purr.md").unlink()
    assert states(application.sync(())) == {"cats/purr.md": "removed", "dogs/bark.md": "unchanged", "birds/sing.md": "added"}
    assert "birds" in application.collections
