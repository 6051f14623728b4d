"""A catalogue that is not as it was left is never used without a word, and never replaced by a new one."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from documents import write

from chatbot.errors import DataDirectoryError
from chatbot.knowledge.store.catalogue import Catalogue


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A catalogue of a few pages, closed properly."""
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    catalogue.set_meta(**{f"key{number}": "value" * 500 for number in range(20)})
    catalogue.close()
    return tmp_path / "catalogue.sqlite"


def flip(file: Path, place: int) -> None:
    """Change one bit, and not the time of change."""
    before, content = file.stat(), bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_what_was_closed_properly_is_opened_again(closed: Path) -> None:
    for _ in range(2):
        catalogue = Catalogue(closed)
        assert catalogue.meta("key7") == "value" * 500
        catalogue.close()


def test_a_bit_that_sqlite_would_not_miss_is_found(closed: Path) -> None:
    flip(closed, closed.read_bytes().index(b"valuevalue"))
    assert sqlite3.connect(closed).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with pytest.raises(
        DataDirectoryError, match="cannot be used .its content is not what was written.*restore the file from a backup"
    ):
        Catalogue(closed)


def test_a_damaged_note_says_nothing_against_a_sound_file(closed: Path) -> None:
    note = closed.with_name("catalogue.sqlite.closed")
    whole = note.read_bytes()
    for place in range(len(whole)):
        note.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        catalogue = Catalogue(closed)
        assert catalogue.meta("key7") == "value" * 500
        catalogue.close()
        assert note.read_bytes() != b"", "closed properly again"
        whole = note.read_bytes()


def test_a_note_that_cannot_be_removed_is_said(closed: Path) -> None:
    note = closed.with_name("catalogue.sqlite.closed")
    note.unlink()
    note.mkdir()
    with pytest.raises(DataDirectoryError, match=r"\.closed cannot be removed: .*; mend the permissions of its folder"):
        Catalogue(closed)


def test_a_file_cut_short_after_a_kill_is_found(closed: Path) -> None:
    closed.with_name("catalogue.sqlite.closed").unlink()
    closed.write_bytes(closed.read_bytes()[:-5000])
    with pytest.raises(DataDirectoryError, match="cannot be used .*; check the disk, then restore the file from a backup"):
        Catalogue(closed)


def test_a_bit_lost_in_an_index_after_a_kill_is_found(closed: Path) -> None:
    closed.with_name("catalogue.sqlite.closed").unlink()
    content = closed.read_bytes()
    places = [place for place in range(len(content)) if content.startswith(b"key13", place)]
    in_index = next(place for place in places if not content.startswith(b"key13value", place))
    flip(closed, in_index + 4)
    assert sqlite3.connect(closed).execute("PRAGMA quick_check").fetchone() == ("ok",)
    with pytest.raises(DataDirectoryError, match="cannot be used .*index.*; check the disk"):
        Catalogue(closed)


def test_what_another_program_wrote_by_sqlite_is_no_damage(closed: Path) -> None:
    database = sqlite3.connect(closed)
    with database:
        database.execute("UPDATE meta SET value = 'mine' WHERE key = 'key7'")
    database.close()
    catalogue = Catalogue(closed)
    assert catalogue.meta("key7") == "mine"
    catalogue.close()


def test_a_catalogue_that_is_gone_is_not_made_anew_beside_its_indexes(closed: Path) -> None:
    write(closed.parent / "indexes", {"0/chroma/chroma.sqlite3": "x"})
    closed.unlink()
    with pytest.raises(
        DataDirectoryError, match=r"is gone although there are indexes made from it; .*move .*indexes away as well"
    ):
        Catalogue(closed)
    assert not closed.exists()
