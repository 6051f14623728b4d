"""The catalogue in PostgreSQL: held by one process, all or nothing, and its errors told without the password."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import postgres_server
import pytest
from documents import write
from postgres_server import Server
from sqlalchemy import Engine, create_engine, event, inspect
from sqlalchemy.exc import ProgrammingError
from stores import Stores

from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import DatabaseUnavailable, DataDirectoryError, DataDirectoryInUse, SettingsError
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.reading.splitter import Splitter
from chatbot.knowledge.sources.origins import Content
from chatbot.knowledge.sources.sources import Sources
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.syncing.plan import plan
from chatbot.knowledge.syncing.sync import Synchronizer


def test_a_folder_is_synced(postgres: Server, tmp_path: Path, tiny_encoder: BiEncoder) -> None:
    catalogue = Catalogue(postgres.new_database())
    indexes = Indexes(tmp_path / "indexes", catalogue, tiny_encoder)
    synchronizer = Synchronizer(Stores(catalogue, indexes, Splitter(tiny_encoder.tokenizer_file, 8, 16, 48), tiny_encoder))
    sources = Sources(catalogue, {})
    folder = write(tmp_path / "folder", {"a.md": "# Cats\n\nCats purr.", "b.md": "# Dogs\n\nDogs bark.", "c.txt": b""})

    def sync() -> dict[str, str]:
        planned = plan([sources.register(str(folder), "pets")], catalogue, sources.list)
        return {report.source: report.state for report in synchronizer.run(planned)}

    assert sync() == {"a.md": "added", "b.md": "added", "c.txt": "refused"}
    write(folder, {"a.md": "# Cats\n\nCats hiss."})
    (folder / "b.md").unlink()
    assert sync() == {"a.md": "changed", "c.txt": "refused", "b.md": "removed"}
    assert indexes.difference() == ""
    assert [(each.source, each.state, each.reason) for each in catalogue.in_state("live", "refused")] == [
        ("a.md", "live", ""),
        ("c.txt", "refused", "the file is empty"),
    ]
    indexes.close()
    catalogue.close()


def test_two_processes_do_not_share_a_database(postgres: Server) -> None:
    url = postgres.new_database()
    catalogue = Catalogue(url)
    with pytest.raises(DataDirectoryInUse, match="is open in another chatbot; close that one, or set CHATBOT_DATABASE"):
        Catalogue(url)
    catalogue.close()
    Catalogue(url).close()


def test_an_error_at_any_statement_leaves_no_table(postgres: Server) -> None:
    url = postgres.new_database()
    broken_at = 0
    while True:
        count = 0

        def fail(_connection: object, _cursor: object, statement: str, *_: object, at: int = broken_at + 1) -> None:
            nonlocal count
            if "advisory" in statement:
                return  # the lock is no part of the transaction
            count += 1
            if count == at:
                raise RuntimeError("injected")

        event.listen(Engine, "before_cursor_execute", fail)
        try:
            Catalogue(url).close()
            break
        except RuntimeError:
            broken_at += 1
        finally:
            event.remove(Engine, "before_cursor_execute", fail)
        engine = create_engine(url)
        assert inspect(engine).get_table_names() == []
        engine.dispose()
    assert broken_at > 10, "a migration has so many statements"


def test_a_newer_schema_is_refused(postgres: Server) -> None:
    url = postgres.new_database()
    Catalogue(url).close()
    postgres.execute("UPDATE alembic_version SET version_num = '99'", url.partition("?")[0].rpartition("/")[2])
    with pytest.raises(DataDirectoryError, match="its schema is 99, .*; install that one again, or set CHATBOT_DATABASE to"):
        Catalogue(url)


@pytest.mark.parametrize(
    ("mistake", "advice"),
    [
        ("password", r"\(.*password authentication failed for user .tester.\); mend user and password in CHATBOT_DATABASE"),
        ("user", r"\(.*password authentication failed for user .nobody.\); mend user and password in CHATBOT_DATABASE"),
        ("full", r"\(.*too many connections for role .busy.\); close other connections to the server, or raise its"),
        ("name", r"\(.*database .role. does not exist\); create it with `createdb`, or mend the name in CHATBOT_DATABASE"),
        ("socket", r"\(.*\); see that the server runs and that this machine may reach it, then run the command again"),
        ("port", r"\(.*Connection refused.*\); see that the server runs and that this machine may reach it"),
    ],
)
def test_what_cannot_be_reached_is_told_with_advice_and_without_the_password(mistake: str, advice: str, postgres: Server) -> None:
    postgres.execute(
        "DO $$ BEGIN CREATE ROLE busy LOGIN PASSWORD 'correct-horse' CONNECTION LIMIT 0; "
        "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    url = {
        "password": postgres.url("postgres", "battery-staple"),
        "user": postgres.url("postgres").replace("tester:", "nobody:"),
        "full": postgres.url("postgres").replace("tester:", "busy:"),
        "name": postgres.url("role"),
        "socket": postgres.url("postgres").replace("host=", "host=/nowhere"),
        "port": f"postgresql+psycopg://tester:{postgres_server.PASSWORD}@127.0.0.1:9/postgres",
    }[mistake]
    with pytest.raises(DataDirectoryError, match=r"^postgresql\+psycopg://\w+:\*\*\*@.* cannot be used " + advice) as raised:
        Catalogue(url)
    told = "".join(traceback.format_exception(raised.value))
    assert "battery-staple" not in told
    assert postgres_server.PASSWORD not in told


def test_a_user_who_may_not_make_tables_is_told(postgres: Server) -> None:
    url = postgres.new_database()
    postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    with pytest.raises(DataDirectoryError, match="permission denied for schema public.*; let the user create tables"):
        Catalogue(url.replace(f"tester:{postgres_server.PASSWORD}", "guest:guest"))


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("53100", "make room on the server's disk"),
        ("25006", "give CHATBOT_DATABASE the address of the server that can be written"),
        ("XX001", "restore the database from a backup"),
        ("57P03", "see that the server runs"),
        ("40P01", "run the command again"),
        (
            "57014",
            r"see what else works in the database, or allow more time in CHATBOT_DATABASE: \?options=-c%20statement_timeout",
        ),
    ],
)
def test_what_the_server_cannot_do_is_told_with_advice_and_undone(state: str, advice: str, postgres: Server) -> None:
    catalogue = Catalogue(postgres.new_database())

    def fail() -> None:
        with catalogue._database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO meta VALUES ('key', 'value')")
            connection.exec_driver_sql(f"DO $$ BEGIN RAISE 'out of order' USING ERRCODE = '{state}'; END $$")

    with pytest.raises(DataDirectoryError, match=rf"cannot be used \(out of order.*\); {advice}"):
        fail()
    assert catalogue.meta("key") is None
    catalogue.close()


def test_our_own_mistakes_are_not_the_users_to_mend(postgres: Server) -> None:
    catalogue = Catalogue(postgres.new_database())
    with pytest.raises(ProgrammingError), catalogue._database.reading() as connection:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")
    catalogue.close()


def test_a_server_that_went_away_is_told_and_one_that_came_back_is_used(postgres: Server) -> None:
    url = postgres.new_database()
    catalogue = Catalogue(url)
    catalogue.set_meta(generation="1")
    with pytest.raises(DataDirectoryError, match="see that the server runs"), catalogue._database.reading() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    assert catalogue.meta("generation") == "1"
    catalogue.close()


@pytest.mark.parametrize("url", ["postgresql://me:secret@127.0.0.1:port/x", "secret"])
def test_a_url_that_cannot_be_read_is_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match="CHATBOT_DATABASE cannot be read; write it like") as raised:
        Catalogue(url)
    assert "secret" not in "".join(traceback.format_exception(raised.value))


def test_a_lock_that_was_lost_and_that_nobody_took_is_taken_again(postgres: Server) -> None:
    url = postgres.new_database()
    catalogue = Catalogue(url)
    lose_the_lock(postgres, url)
    catalogue.set_meta(generation="1")
    with pytest.raises(DataDirectoryInUse):
        Catalogue(url)
    catalogue.close()


def test_who_lost_the_database_to_another_process_writes_nothing_more(postgres: Server) -> None:
    url = postgres.new_database()
    catalogue = Catalogue(url)
    lose_the_lock(postgres, url)
    other = Catalogue(url)
    with pytest.raises(DataDirectoryInUse, match="was taken over by another chatbot while this one had lost its connection"):
        catalogue.set_meta(generation="1")
    other.set_meta(generation="2")
    assert catalogue.meta("generation") == "2"
    other.close()
    with pytest.raises(DataDirectoryInUse):
        catalogue.set_meta(generation="3")
    catalogue.close()


def test_others_write_by_the_owners_leave_until_it_is_renewed(postgres: Server) -> None:
    url = postgres.new_database()
    owner = Catalogue(url)
    token = owner.admit()
    worker = Catalogue(url, token)
    worker.set_meta(generation="1")
    owner.set_meta(fingerprint="f")
    owner.admit()
    with pytest.raises(DataDirectoryInUse):
        worker.set_meta(generation="2")
    assert owner.meta("generation") == "1"
    worker.close()
    owner.close()


def test_two_writers_of_the_same_vectors_do_not_wait_for_each_other(postgres: Server) -> None:
    url = postgres.new_database()
    owner = Catalogue(url)
    worker = Catalogue(url, owner.admit())
    vectors = {f"{number:03}": np.full(4, number, np.float32) for number in range(400)}
    backwards = dict(reversed(vectors.items()))
    with ThreadPoolExecutor() as pool:
        for wrote in [pool.submit(each.put_embeddings, some, "f") for each, some in ((owner, vectors), (worker, backwards))]:
            wrote.result()
    assert len(owner.embeddings(vectors, "f")) == 400
    worker.close()
    owner.close()


def test_a_server_killed_in_a_sync_loses_nothing_and_is_used_again_once_it_is_back(
    tmp_path: Path, tiny_encoder: BiEncoder
) -> None:
    if reason := postgres_server.why_not():
        pytest.skip(reason)
    with postgres_server.started() as server:
        catalogue = Catalogue(server.new_database())
        indexes = Indexes(tmp_path / "indexes", catalogue, tiny_encoder)
        splitter = Splitter(tiny_encoder.tokenizer_file, 8, 16, 48)
        synchronizer = Synchronizer(Stores(catalogue, indexes, splitter, tiny_encoder))
        sources = Sources(catalogue, {})
        pages = {f"{number:02}.md": f"# Hall {number}\n\nMachine {number} hums." for number in range(40)}
        source = sources.register(str(write(tmp_path / "folder", pages)), "halls")
        planned = plan([source], catalogue, sources.list)
        planned.tasks[20] = planned.tasks[20]._replace(origin=_Killer(server))
        with pytest.raises(DatabaseUnavailable, match="see that the server runs"):
            list(synchronizer.run(planned))
        with pytest.raises(DatabaseUnavailable, match="see that the server runs"):
            catalogue.published_chunks(["any"])
        server.start()
        assert len(list(synchronizer.run(plan([source], catalogue, sources.list)))) == 40
        assert len(catalogue.documents()) == 40
        assert catalogue.in_state("pending", "parsed", "embedded", "failed") == []
        assert indexes.difference() == ""
        indexes.close()
        catalogue.close()


class _Killer:
    """A document that ends the server as it is read."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def load(self, mark: str) -> Content:
        self._server.kill()
        return Content("20.md", b"# Hall 20")

    def size(self) -> int:
        return 0


def lose_the_lock(postgres: Server, url: str) -> None:
    """As a firewall does that forgets idle connections."""
    statement = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1667785076"
    postgres.execute(
        f"{statement} AND database = (SELECT oid FROM pg_database WHERE datname = '{url.partition('?')[0].rpartition('/')[2]}')"
    )
