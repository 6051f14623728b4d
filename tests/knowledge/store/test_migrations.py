"""Migrations: a catalogue of any older schema becomes today's with all its rows, at once or not at all."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from chatbot.errors import DataDirectoryError
from chatbot.knowledge.store import migrations, tables
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.migrations import SCHEMA
from chatbot.reports import StoredDocument

SCHEMAS = sorted((Path(__file__).parent / "schemas").glob("*.sql"))
"""A catalogue of each schema there was, as that program wrote it."""

UNCHANGED = ("meta", "sources", "chunks", "embeddings")
"""Tables that no migration has touched so far."""

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["chatbot.knowledge.store.catalogue"])


@pytest.fixture(params=SCHEMAS, ids=lambda script: script.stem)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A catalogue of an older schema."""
    file = tmp_path / "old" / "catalogue.sqlite"
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(request.param.read_text())
    return file


def rows(file: Path, table: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return sorted(connection.execute(f"SELECT * FROM {table}").fetchall())


def checksum(file: Path) -> str:
    """Of every row that is to be the same before and after."""
    documents = [row[:10] for row in rows(file, "documents")]
    return hashlib.sha256(repr([documents, *(rows(file, table) for table in UNCHANGED)]).encode()).hexdigest()


def user_version(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def backup(file: Path) -> Path:
    return file.with_name(f"catalogue.sqlite.before-{SCHEMA}")


@contextmanager
def told(tell: Callable[[], None]) -> Iterator[None]:
    """`tell` is called before every statement and every commit."""

    def before_statement(*_: object) -> None:
        tell()

    event.listen(Engine, "before_cursor_execute", before_statement)
    event.listen(Engine, "commit", before_statement)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", before_statement)
        event.remove(Engine, "commit", before_statement)


def open_and_die(file: Path, last: int) -> None:
    """Open the catalogue in a process that kills itself before its statement number `last`; ends well if there are fewer."""
    count = 0

    def die() -> None:
        nonlocal count
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

    with told(die):
        Catalogue(file).close()


def assert_is_todays(file: Path, before: str) -> None:
    catalogue = Catalogue(file)
    assert catalogue.collections() == {"cats": 2, "dogs": 1}
    assert len(catalogue.chunk_ids()) == 6
    assert set(catalogue.embeddings(["769fd7e7b6743c523dced2ee9dd1d38e"], "model")) == {"769fd7e7b6743c523dced2ee9dd1d38e"}
    assert catalogue.meta("generation") == "4"
    catalogue.close()
    assert checksum(file) == before
    assert user_version(file) == SCHEMA


def test_a_catalogue_of_every_older_schema_is_kept() -> None:
    assert [int(script.stem) for script in SCHEMAS] == list(range(1, SCHEMA))


def test_an_older_catalogue_is_migrated_with_all_its_rows(old: Path) -> None:
    before = checksum(old)
    assert_is_todays(old, before)


def test_published_is_live_and_staged_is_parsed(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript((Path(__file__).parent / "schemas" / "1.sql").read_text())
    catalogue = Catalogue(file)
    assert catalogue.in_state("live", "parsed") == [
        StoredDocument(collection="cats", source="a.md", state="live", chunks=2),
        StoredDocument(collection="cats", source="a.md", state="parsed", chunks=2),
        StoredDocument(collection="cats", source="b.pdf", state="live", reason="1 of 2 pages have no text", chunks=1),
        StoredDocument(collection="dogs", source="c.md", state="live", chunks=3),
    ]
    catalogue.publish(["tabby-again"])
    assert "tabby-again-0" in catalogue.chunk_ids()
    catalogue.close()


def test_the_older_file_is_kept_beside_it_until_the_next_opening(old: Path) -> None:
    as_it_was = {table: rows(old, table) for table in (*UNCHANGED, "documents")}
    Catalogue(old).close()
    assert {table: rows(backup(old), table) for table in as_it_was} == as_it_was
    assert user_version(backup(old)) < SCHEMA
    Catalogue(old).close()
    assert {file.name for file in old.parent.iterdir()} == {"catalogue.sqlite", "catalogue.sqlite.closed"}


def test_an_older_file_that_cannot_be_copied_is_left_as_it_is(old: Path) -> None:
    content = old.read_bytes()
    backup(old).mkdir()
    with pytest.raises(DataDirectoryError, match=r"could not be copied before its schema is changed \(.*\); nothing was changed"):
        Catalogue(old)
    assert old.read_bytes() == content
    backup(old).rmdir()
    Catalogue(old).close()


def test_what_others_put_beside_the_file_stays(tmp_path: Path) -> None:
    mine = tmp_path / "catalogue.sqlite.before-christmas"
    mine.touch()
    for _ in range(2):
        Catalogue(tmp_path / "catalogue.sqlite").close()
    assert mine.exists()


def test_a_new_catalogue_needs_no_copy(tmp_path: Path) -> None:
    Catalogue(tmp_path / "catalogue.sqlite").close()
    assert {file.name for file in tmp_path.iterdir()} == {"catalogue.sqlite", "catalogue.sqlite.closed"}


def test_an_error_at_any_statement_changes_nothing(old: Path, tmp_path: Path) -> None:
    content, before, schema = old.read_bytes(), checksum(old), user_version(old)
    broken_at = 0
    while True:
        count = 0

        def fail(at: int = broken_at + 1) -> None:
            nonlocal count
            count += 1
            if count == at:
                raise OperationalError("", {}, Exception("injected"))

        file = shutil.copy(old, tmp_path / "catalogue.sqlite")
        with told(fail):
            try:
                Catalogue(file).close()
                break
            except OperationalError:
                broken_at += 1
        assert (file.read_bytes(), user_version(file)) == (content, schema), f"something stayed of statement {broken_at}"
        assert_is_todays(file, before)
        backup(file).unlink(missing_ok=True)
    assert broken_at > 10, "a migration has so many statements"


def test_a_kill_at_any_statement_loses_nothing(old: Path, tmp_path: Path) -> None:
    before, last, killed = checksum(old), 0, True
    while killed:
        last += 1
        file = shutil.copy(old, tmp_path / "catalogue.sqlite")
        child = _processes.Process(target=open_and_die, args=(file, last))
        child.start()
        child.join()
        killed = child.exitcode == -signal.SIGKILL
        assert killed or child.exitcode == 0
        assert_is_todays(file, before)
        for each in tmp_path.glob("catalogue.sqlite*"):
            each.unlink()
    assert last > 10, "a migration has so many statements"


def test_an_older_catalogue_comes_to_the_same_tables(old: Path) -> None:
    catalogue = Catalogue(old)
    with catalogue._database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    catalogue.close()


def test_the_newest_migration_is_the_schema() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [str(SCHEMA)]


def test_a_schema_that_only_alembic_has_noted_is_refused_too(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    Catalogue(file).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE alembic_version SET version_num = '{SCHEMA + 1}'")
        connection.commit()
    with pytest.raises(DataDirectoryError, match=f"its schema is {SCHEMA + 1}, this one knows {SCHEMA}"):
        Catalogue(file)


def test_a_program_older_than_migrations_sees_that_the_file_is_newer(old: Path) -> None:
    Catalogue(old).close()
    assert user_version(old) > 1
