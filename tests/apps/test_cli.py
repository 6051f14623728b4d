"""The command line: exit codes, what goes to which stream, and the JSON that scripts read."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import furnish, write
from fakes import TOKEN, ScriptedApplication, ScriptedEngine, scripted_server, serving
from postgres_server import Server

from chatbot import __version__
from chatbot.apps import cli
from chatbot.bootstrap import Application
from chatbot.encoders import card
from chatbot.errors import ChatbotError, InternalError, PromptError
from chatbot.knowledge.reading import reader
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.knowledge.store.ownership import Owner, Ownership
from chatbot.schema import Answer, Completed, DeltaReleased, Passage, answer_event
from chatbot.settings import Settings

FILES = {
    "kitchen/kettle.md": "# Kettle\n\nThe blue kettle holds four litres of water and whistles when it boils.\n",
    "garden/rose.md": "# Rose\n\nRoses want sun all day, and water in the morning.\n",
}
QUESTION = "How much water does the blue kettle hold?"
OFF_TOPIC = "Who won the football world cup in 1974?"
HEAVY = ("torch", "transformers", "sentence_transformers", "gradio", "huggingface_hub")


class Outcome(NamedTuple):
    code: int | str | None
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, models: Path) -> dict[str, str]:
    """A data directory in which two documents are synced, as environment variables."""
    folder = tmp_path_factory.mktemp("cli")
    settings = Settings(data_dir=furnish(folder / "data", models), knowledge=write(folder / "knowledge", FILES))
    with Application(settings, "pytest") as application:
        for _ in application.sync(()):
            pass
    return {"CHATBOT_DATA_DIR": str(settings.data_dir), "CHATBOT_KNOWLEDGE": str(settings.knowledge)}


@pytest.fixture
def run(furnished: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process."""
    for name, value in furnished.items():
        monkeypatch.setenv(name, value)

    def run_here(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["chatbot", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        streams = capsys.readouterr()
        return Outcome(ended.value.code or 0, streams.out, streams.err)

    return run_here


def _process(*arguments: str, **environment: str) -> Outcome:
    """Runs a command as people do."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def _assert_one_line(err: str, says: str) -> None:
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    assert says in err


# ask


def test_a_warm_ask_answers_with_exit_code_0_and_loads_no_heavy_library(furnished: dict[str, str]) -> None:
    program = (
        "import sys, atexit; from chatbot.apps import cli; "
        f"atexit.register(lambda: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)); "
        f"sys.argv = ['chatbot', 'ask', {QUESTION!r}, '--json']; cli.main()"
    )

    outcome = _process("-c", program, **furnished)

    assert outcome.code == 0
    assert outcome.err == "[]\n"
    answer = Answer.model_validate_json(outcome.out)
    assert answer.status == "answered"
    assert [citation.source for citation in answer.citations] == ["kettle.md"]


def test_an_answer_for_people_is_text_and_numbered_sources(run: Run) -> None:
    outcome = run("ask", QUESTION)

    assert outcome.code == 0
    assert "four litres" in outcome.out
    assert "[1] Kettle (kitchen/kettle.md)" in outcome.out
    assert outcome.err == ""


def test_what_the_documents_do_not_say_is_exit_code_3(run: Run) -> None:
    outcome = run("ask", OFF_TOPIC)

    assert outcome.code == 3
    assert "The documents do not say." in outcome.out


def test_json_keeps_the_exit_code_of_an_abstention(run: Run) -> None:
    outcome = run("ask", OFF_TOPIC, "--json")

    assert outcome.code == 3
    assert Answer.model_validate_json(outcome.out).status == "abstained"


def test_a_json_stream_is_one_event_a_line(run: Run) -> None:
    outcome = run("ask", QUESTION, "--stream", "--json")

    events = [answer_event.validate_json(line) for line in outcome.out.splitlines()]
    assert outcome.code == 0
    assert events[0].type == "retrieved"
    assert [event.type in {"completed", "error"} for event in events] == [False] * (len(events) - 1) + [True]
    assert isinstance(events[-1], Completed)
    assert "".join(event.text for event in events if isinstance(event, DeltaReleased)).strip() == events[-1].answer.text


def test_a_stream_for_people_prints_the_text_and_its_sources(run: Run) -> None:
    outcome = run("ask", QUESTION, "--stream")

    assert "four litres" in outcome.out
    assert outcome.out.endswith("[1] Kettle (kitchen/kettle.md)\n")


def test_only_the_named_collection_is_asked(run: Run) -> None:
    answer = Answer.model_validate_json(run("ask", QUESTION, "--collection", "garden", "--json").out)

    assert {passage.collection for passage in answer.passages} == {"garden"}


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_stops_an_answer_with_exit_code_1_and_no_traceback(tmp_path: Path) -> None:
    engine = ScriptedEngine(pieces=["word "], endless=True)
    held = Ownership(tmp_path / "data", "serve")
    (tmp_path / "data" / "catalogue.sqlite").touch()
    with serving(scripted_server(ScriptedApplication(engine))) as url:
        held.announce(Owner(pid=os.getpid(), command="serve", url=url, token=TOKEN))
        command = [sys.executable, "-m", "chatbot", "ask", "kettle?", "--stream", "--json"]
        environment = {**os.environ, "CHATBOT_DATA_DIR": str(tmp_path / "data")}
        asking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        assert asking.stdout
        while "word" not in asking.stdout.readline():
            pass

        asking.send_signal(signal.SIGINT)
        _, err = asking.communicate(timeout=60)

        assert (asking.returncode, err) == (1, "interrupted; what was done is kept\n")
        assert engine.closed.wait(5)
    held.release()


# search


def test_search_prints_passages_with_the_scores_of_each_stage(run: Run) -> None:
    outcome = run("search", "roses in the morning", "-k", "1")

    assert outcome.code == 0
    assert " 1  Rose (garden/rose.md)" in outcome.out
    for score in ("score", "cosine", "bm25"):
        assert score in outcome.out


def test_search_json_is_an_object_of_passages(run: Run) -> None:
    body = json.loads(run("search", "roses", "--json").out)

    assert body.keys() == {"passages"}
    assert [Passage.model_validate(each).rank for each in body["passages"]] == [1, 2]


# sync


def test_sync_json_has_the_promised_shape(run: Run, tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", {"new.md": "# New\n\nA new document about pans and lids.", "bad.xyz": "?", "empty.txt": ""})

    outcome = run("sync", str(docs), "--json")

    body = json.loads(outcome.out)
    assert outcome.code == 0
    assert body.keys() == {"documents", "seconds", "embedded_chunks", "resplit_documents"}
    assert all(each.keys() == {"source", "state", "reason", "chunks"} for each in body["documents"])
    assert {each["source"]: each["state"] for each in body["documents"]} == {
        "new.md": "added",
        "bad.xyz": "refused",
        "empty.txt": "refused",
    }
    assert body["embedded_chunks"] == 1
    assert next(each["reason"] for each in body["documents"] if each["source"] == "bad.xyz") == "files of type .xyz are not read"


def test_sync_says_what_changed_and_then_that_nothing_did(run: Run, tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", {"a.md": "# A\n\nA document about pans.", "b.md": "# B\n\nA document about lids."})

    states = [json.loads(run("sync", str(docs), "--json").out)["documents"] for _ in range(2)]
    (docs / "a.md").write_text("# A\n\nAnother document about pans.")
    (docs / "b.md").unlink()
    text = run("sync", str(docs)).out

    assert [[each["state"] for each in documents] for documents in states] == [["added"] * 2, ["unchanged"] * 2]
    assert "removed  documents/b.md" in text
    assert "1 removed, 1 changed; 1 chunk embedded" in text


def test_a_relative_path_means_the_callers_directory(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "here", {"a.md": "# A\n\nA document about pans."})

    assert [each["source"] for each in json.loads(run("sync", "here", "--json").out)["documents"]] == ["a.md"]


def test_a_dry_run_says_what_would_be_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", {"stripes.md": "# Stripes\n\nThe zebra is striped."})

    said = run("sync", str(docs), "--dry-run").out
    assert re.search(r"^ +added  .*\nwould be: 1 added; [\d.]+ s\n$", said)
    assert "stripes.md" not in run("search", "striped zebra").out


def test_a_dry_run_registers_nothing(run: Run, tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", {"lids.md": "# A\n\nA new document about lids."})

    run("sync", str(docs), "--dry-run")

    assert "lids.md" not in run("sync", "--json").out


def test_a_path_that_is_gone_fails_until_it_is_removed(run: Run, tmp_path: Path) -> None:
    docs = write(tmp_path / "gone", {"a.md": "# A\n\nA new document about tongs."})
    run("sync", str(docs), "--collection", "tongs")
    shutil.rmtree(docs)

    failed = run("sync")
    removed = run("sync", "--remove", str(docs))

    assert failed.code == 1
    assert f"remove it with `chatbot sync --remove {docs}`" in failed.out
    assert removed.code == 0
    assert "1 removed" in removed.out
    assert run("sync").code == 0


@pytest.mark.parametrize("arguments", [(), (".", "--dry-run"), (".", "--collection", "x")])
def test_remove_takes_paths_alone(arguments: tuple[str, ...], run: Run) -> None:
    outcome = run("sync", "--remove", *arguments)

    assert outcome.code == 2
    _assert_one_line(outcome.err, "--remove takes one or more paths")


def test_what_was_synced_can_be_asked(run: Run, tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", {"zebra.md": "# Zebra\n\nThe zebra of the city zoo is called Martha."})
    run("sync", str(docs), "--collection", "zoo")

    assert "Martha" in run("ask", "What is the zebra of the zoo called?", "-c", "zoo").out


def test_a_file_that_could_not_be_read_is_exit_code_1(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = write(tmp_path / "docs", {"a.md": "# A\n\nA document.", "b.md": "# B\n\nAnother."})
    load = reader.load

    def broken_disk(name: str, file: Path) -> bytes:
        if name == "b.md":
            raise OSError(errno.EIO, "Input/output error")
        return load(name, file)

    monkeypatch.setattr(reader, "load", broken_disk)

    outcome = run("sync", str(docs))

    assert outcome.code == 1
    assert "failed  documents/b.md: cannot be read" in outcome.out


# errors


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ask", ""), "the question is empty"),
        (("ask", "x" * 4001), "4,001 characters"),
        (("ask", QUESTION, "-c", "cellar"), "there is no collection 'cellar'; there are: "),
        (("search", " "), "the question is empty"),
        (("sync", "/nowhere/at/all"), "there is no file or folder '/nowhere/at/all'; check the spelling"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(run: Run, arguments: tuple[str, ...], says: str) -> None:
    outcome = run(*arguments)

    assert outcome.code == 2
    assert outcome.out == ""
    _assert_one_line(outcome.err, says)


def test_json_errors_leave_stdout_empty_too(run: Run) -> None:
    outcome = run("ask", "", "--json", "--stream")

    assert (outcome.code, outcome.out) == (2, "")


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("port = 'x'", "chatbot.toml: port = 'x'"),
        ("[retrieval]\ntop_k = 0", "chatbot.toml: retrieval.top_k = 0"),
        ("colour = 'red'", "chatbot.toml: colour: there is no such setting"),
        ("= broken", "chatbot.toml: not valid TOML"),
    ],
)
def test_a_broken_settings_file_is_named_with_the_place(run: Run, tmp_path: Path, toml: str, says: str) -> None:
    (tmp_path / "chatbot.toml").write_text(toml)

    outcome = run("ask", QUESTION)

    assert outcome.code == 2
    _assert_one_line(outcome.err, says)


def test_a_wrong_environment_variable_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_RETRIEVAL__TOP_K", "many")

    _assert_one_line(run("settings").err, "CHATBOT_RETRIEVAL__TOP_K = 'many'")


def test_a_wrong_flag_is_named(run: Run) -> None:
    _assert_one_line(run("serve", "--port", "70000").err, "--port = 70000")


def test_a_question_in_broken_utf8_does_no_harm(run: Run) -> None:
    outcome = run("ask", "what \udcff kettle?")

    assert outcome.code in {0, 3}
    assert outcome.err == ""


def test_an_unknown_engine_is_refused_with_those_there_are(run: Run) -> None:
    outcome = run("serve", "--port", "0", "--engine", "magic")

    assert outcome.code == 2
    _assert_one_line(outcome.err, "there is no engine 'magic'; there are: extractive")


def test_a_traceback_comes_only_with_debug(tmp_path: Path) -> None:
    (tmp_path / "chatbot.toml").write_text("port = 'x'")

    plain, debug = _process("-m", "chatbot", "ask", "x"), _process("-m", "chatbot", "ask", "x", "--debug")

    assert plain.code == 2
    _assert_one_line(plain.err, "chatbot.toml: port = 'x'")
    assert debug.code != 0
    assert "Traceback (most recent call last)" in debug.err
    assert "SettingsError" in debug.err


def test_debug_is_in_the_help_though_it_may_stand_anywhere(run: Run) -> None:
    assert "--debug" in run("--help").out


@pytest.mark.parametrize(("kind", "code"), [(InternalError, 1), (PromptError, 2)])
def test_an_error_midway_has_the_exit_code_of_its_kind(
    kind: type[ChatbotError], code: int, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = ScriptedApplication(ScriptedEngine(pieces=["Four ", kind("the engine went away")]))
    monkeypatch.setenv("CHATBOT_DATA_DIR", str(tmp_path / "data"))
    held = Ownership(tmp_path / "data", "serve")
    (tmp_path / "data" / "catalogue.sqlite").touch()
    with serving(scripted_server(failing)) as url:
        held.announce(Owner(pid=os.getpid(), command="serve", url=url, token=TOKEN))

        outcome = run("ask", "kettle?")
    held.release()

    assert outcome.code == code
    _assert_one_line(outcome.err, "the engine went away")


@pytest.mark.parametrize("arguments", [("ask",), ("nonsense",), ("ask", "x", "--nonsense"), ("search", "x", "-k", "0")])
def test_wrong_usage_is_exit_code_2_on_stderr(run: Run, arguments: tuple[str, ...]) -> None:
    outcome = run(*arguments)

    assert (outcome.code, outcome.out) == (2, "")
    assert "Usage: " in outcome.err


# the rest


def test_the_first_use_says_that_it_takes_a_while(run: Run, monkeypatch: pytest.MonkeyPatch, data_dir_with_model: Path) -> None:
    monkeypatch.setenv("CHATBOT_DATA_DIR", str(data_dir_with_model))

    first, second = run("ask", QUESTION, "--json"), run("ask", QUESTION, "--json")

    assert Answer.model_validate_json(first.out).status == "answered"
    assert first.err.startswith("first use here: ")
    assert second.err == ""


def test_the_version_is_the_packages(run: Run) -> None:
    assert run("--version") == Outcome(0, f"chatbot {__version__}\n", "")


def test_settings_lists_every_setting_with_the_variable_that_sets_it(run: Run, furnished: dict[str, str]) -> None:
    text, body = run("settings").out, json.loads(run("settings", "--json").out)

    assert body == Settings(**{key.removeprefix("CHATBOT_").lower(): value for key, value in furnished.items()}).model_dump(
        mode="json"
    )
    assert "CHATBOT_RETRIEVAL__TOP_K" in text
    assert len(text.splitlines()) > 12


def test_verify_says_of_each_part_whether_it_fits(run: Run) -> None:
    run("sync")
    sound = json.loads(run("verify", "--json").out)

    assert sound["sound"]
    assert {each["check"] for each in sound["findings"]} >= {"catalogue", "documents", "vectors", "indexes"}
    outcome = run("verify")
    assert (outcome.code, {line.split()[0] for line in outcome.out.splitlines()}) == (0, {"ok"})


def test_doctor_finds_nothing_wrong_here(run: Run) -> None:
    outcome = run("doctor", "--json")

    findings = {each["check"]: each["state"] for each in json.loads(outcome.out)}
    assert outcome.code == 0
    assert findings.keys() >= {"python", "sqlite", "weights", "knowledge", "prompts", "engine", "data directory", "disk", "port"}
    assert "problem" not in findings.values()


def test_doctor_names_every_problem_and_what_to_do(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "prompts", {"answer.toml": "version = 'one'"})
    broken = {"ENGINE": "magic", "ENCODER__MODEL": "/no/such/model", "HOST": "::1%nowhere", "ALLOWED_HOSTS": '["chat.example"]'}
    for name, value in broken.items():
        monkeypatch.setenv(f"CHATBOT_{name}", value)

    outcome = run("doctor")

    problems = [line for line in outcome.out.splitlines() if line.strip().startswith("problem")]
    assert outcome.code == 1
    assert [line.split()[1] for line in problems] == ["weights", "prompts", "engine", "port"]
    assert "chatbot[offline]" in outcome.out
    assert "there is no engine 'magic'" in outcome.out
    assert "host '::1%nowhere' is no address of this machine" in outcome.out


def _finding(run: Run, check: str) -> tuple[str, str]:
    return next((each["state"], each["text"]) for each in json.loads(run("doctor", "--json").out) if each["check"] == check)


def test_doctor_is_content_with_a_compiled_encoder_without_weights(
    run: Run, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = str(shutil.copytree(tiny / "tiny", tmp_path / "tiny"))
    cache = tmp_path / "data" / "models"
    compiled = shutil.copytree(card.place(str(tiny / "tiny"), tiny / "compiled").folder, card.place(model, cache).folder)
    (compiled / card.FILE).write_text((compiled / card.FILE).read_text().replace(str(tiny / "tiny"), model))
    shutil.rmtree(model)
    monkeypatch.setenv("CHATBOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CHATBOT_ENCODER__MODEL", model)

    assert _finding(run, "weights") == ("ok", f"{model}, compiled")


def test_doctor_downloads_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CHATBOT_ENCODER__MODEL", "nobody/nothing")
    monkeypatch.delenv("HF_HUB_OFFLINE")

    state, text = _finding(run, "weights")  # a connection would fail the test

    assert (state, text) == ("note", "nobody/nothing is not on this machine; the first start fetches it from the model hub")


def test_doctor_looks_where_a_nested_directory_will_be_made(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_DATA_DIR", str(tmp_path / "a" / "b" / "c"))

    assert _finding(run, "data directory") == ("ok", f"{tmp_path / 'a' / 'b' / 'c'} (made at the first use)")
    assert _finding(run, "disk")[0] == "ok"


@pytest.mark.parametrize("data_dir", ["file", "file/below"])
def test_doctor_sees_a_file_where_the_directory_should_be(
    data_dir: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CHATBOT_DATA_DIR", str(tmp_path / data_dir))

    assert _finding(run, "data directory")[0] == "problem"


def test_doctor_asks_the_database_without_taking_it(run: Run, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_DATABASE", postgres.url("template1"))
    state, text = _finding(run, "catalogue")
    assert state == "ok"
    assert re.match(r"PostgreSQL \d+.* at postgresql\+psycopg://tester:\*\*\*@/template1", text)
    monkeypatch.setenv("CHATBOT_DATABASE", postgres.url("template1", "battery-staple"))
    state, text = _finding(run, "catalogue")
    assert (state, "mend user and password in CHATBOT_DATABASE" in text) == ("problem", True)
    assert "battery-staple" not in run("doctor").out


def test_doctor_looks_at_the_catalogue_that_the_next_start_will_open(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("CHATBOT_DATA_DIR", str(data))
    assert _finding(run, "catalogue") == ("ok", "none yet")

    data.mkdir()
    Catalogue(data / "catalogue.sqlite").close()
    assert _finding(run, "catalogue") == ("ok", f"SQLite at {data / 'catalogue.sqlite'}")

    with closing(sqlite3.connect(data / "catalogue.sqlite")) as file, file:
        file.execute("UPDATE alembic_version SET version_num = '3'")
        file.execute("PRAGMA user_version = 3")
    assert "the next start brings it from schema 3 to " in _finding(run, "catalogue")[1]

    with closing(sqlite3.connect(data / "catalogue.sqlite")) as file, file:
        file.execute("UPDATE alembic_version SET version_num = '99'")
    state, text = _finding(run, "catalogue")
    assert (state, "was written by a newer chatbot (its schema is 99" in text) == ("problem", True)
    assert run("doctor").code == 1

    (data / "catalogue.sqlite").unlink()
    write(data / "indexes", {"1/chroma/chroma.sqlite3": "vectors"})
    state, text = _finding(run, "catalogue")
    assert (state, "is gone although there are indexes made from it" in text) == ("problem", True)


def test_a_misspelt_collection_of_documents_is_told_with_those_that_there_are(run: Run, tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", {"a.md": "# Pans\n\nPans have lids."})
    run("sync", str(docs), "--collection", "kitchen")

    outcome = run("documents", "--collection", "kitchn")

    assert outcome.code == 2
    assert re.search(r"there is no collection 'kitchn'; there are: .*kitchen", outcome.err)
    assert "a.md" in run("documents", "--collection", "kitchen").out


def test_the_settings_hide_the_databases_password(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_DATABASE", "postgresql://me:horse@db/name")
    for outcome in (run("settings"), run("settings", "--json")):
        assert '"postgresql://me:***@db/name"' in outcome.out
        assert "horse" not in outcome.out + outcome.err


def test_doctor_looks_at_a_port_in_use(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("CHATBOT_PORT", str(taken.getsockname()[1]))

        assert "is in use; serve with --port" in run("doctor").out


def test_doctor_says_who_has_the_directory_open(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_DATA_DIR", str(tmp_path / "data"))
    held = Ownership(tmp_path / "data", "serve")
    held.announce(Owner(pid=os.getpid(), command="serve", url="http://127.0.0.1:7860"))

    outcome = run("doctor")
    held.release()

    assert f"is open in process {os.getpid()} (`chatbot serve` at http://127.0.0.1:7860)" in outcome.out


# eval


@pytest.mark.parametrize("package", ["ir_measures", "matplotlib"])
def test_eval_without_its_extra_says_how_to_install_it_and_the_rest_works(
    run: Run, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "chatbot" and "evaluation" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)

    outcome = run("eval", "golden")

    assert outcome.code == 2
    _assert_one_line(outcome.err, f"chatbot eval needs {package}; run `pip install 'chatbot[eval]'`")
    assert run("ask", QUESTION).code == 0
