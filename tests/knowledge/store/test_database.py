"""The catalogue's file: what the machine does to it is told as one sentence that says what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import write
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, insert, select
from sqlalchemy.exc import IntegrityError

from chatbot.errors import DataDirectoryError
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.database import Database
from chatbot.knowledge.store.migrations import SCHEMA

metadata = MetaData()
boxes = Table("boxes", metadata, Column("id", Integer, primary_key=True), Column("content", LargeBinary))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "boxes.sqlite")
    with database.writing() as connection:
        metadata.create_all(connection)
    yield database
    database.close()


def test_a_full_disk_is_told_and_nothing_of_the_transaction_stays(database: Database) -> None:
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 8")  # the same connection is handed out again

    def fill() -> None:
        with database.writing() as connection:
            connection.execute(insert(boxes).values(content=b"small"))
            connection.execute(insert(boxes).values(content=bytes(100_000)))

    with pytest.raises(
        DataDirectoryError, match=r"boxes.sqlite cannot be used \(database or disk is full\); make room on the disk"
    ):
        fill()
    with database.reading() as connection:
        assert connection.execute(select(boxes)).all() == []


def test_damage_that_comes_while_the_file_is_open_is_told(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    (tmp_path / "catalogue.sqlite").write_bytes(b"overwritten by something else" * 5_000)
    with pytest.raises(
        DataDirectoryError,
        match=r"catalogue.sqlite cannot be used \(.*\); .*restore the file from a backup, or move its folder away",
    ):
        catalogue.chunk_ids()
    catalogue.close()


def test_a_catalogue_that_was_emptied_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    file.touch()
    Catalogue(file).close()
    file.write_bytes(b"")
    write(tmp_path / "indexes", {"0/chroma/chroma.sqlite3": "x"})
    with pytest.raises(DataDirectoryError, match="is empty although there are indexes made from it; restore it from a backup"):
        Catalogue(file)
    assert file.read_bytes() == b""


def test_damage_in_the_middle_is_told(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    catalogue = Catalogue(file)
    catalogue.set_meta(**{f"key{number}": "value" * 500 for number in range(200)})
    catalogue.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(
        DataDirectoryError,
        match=r"catalogue.sqlite cannot be used \(.*\); .*restore the file from a backup, or move its folder away",
    ):
        Catalogue(file).meta("key7")


@pytest.mark.parametrize("garbage", [b"this is no database, it only says so" * 50, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused(garbage: bytes, tmp_path: Path) -> None:
    file = tmp_path / "broken.sqlite"
    file.write_bytes(garbage)
    with pytest.raises(
        DataDirectoryError,
        match=r"broken.sqlite cannot be used \(.*\); .*restore the file from a backup, or move its folder away",
    ):
        Catalogue(file)


def test_what_may_not_be_opened_is_not_to_be_moved_away(tmp_path: Path) -> None:
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(DataDirectoryError, match="folder.sqlite cannot be used .*; mend the permissions"):
        Catalogue(tmp_path / "folder.sqlite")


def test_our_own_mistakes_are_not_the_users_to_mend(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.execute(insert(boxes).values([{"id": 1}, {"id": 1}]))


def test_a_file_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    Catalogue(file).close()
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
        connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(
        DataDirectoryError, match=f"written by a newer chatbot .its schema is {SCHEMA + 1}, this one knows {SCHEMA}"
    ):
        Catalogue(file)
    assert file.read_bytes() == before


def test_a_schema_that_is_no_number_is_named(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.sqlite"
    Catalogue(file).close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '4x'")
    connection.close()
    with pytest.raises(DataDirectoryError, match="its schema is '4x', which no chatbot wrote; restore a backup"):
        Catalogue(file)
