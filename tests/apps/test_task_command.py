"""`chatbot task` over a session of doubles: what it reads, what it prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from task_doubles import WritingEngine, conforming, tasks_over
from typer.testing import CliRunner, Result

from chatbot.apps import task_command
from chatbot.bootstrap import Application
from chatbot.engines.parts import Engine
from chatbot.errors import BadInput, TaskUnavailable, UnknownTask
from chatbot.tasks.events import task_event
from chatbot.tasks.tasks import Tasks

Run = Callable[..., Result]


class _Session:
    """What the command needs of one."""

    def __init__(self, tasks: Tasks) -> None:
        self.tasks, self.run_task = tasks.cards, tasks.run


def _command(tasks: Tasks) -> Run:
    app = typer.Typer()
    app.callback()(lambda: None)
    task_command.add_to(app, lambda command, act, read_built_in=True: act(_Session(tasks)))  # type: ignore[arg-type]

    def run(*arguments: str, stdin: str = "") -> Result:
        done = CliRunner().invoke(app, ["task", *arguments], input=stdin)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return run


@pytest.fixture
def engine() -> WritingEngine:
    return WritingEngine(reply=conforming)


@pytest.fixture
def run(application: Application, engine: WritingEngine) -> Run:
    return _command(tasks_over(application, engine))


@pytest.fixture
def quote(application: Application) -> Run:
    return _command(tasks_over(application, Engine(application.engine.model, writes=False)))


def test_without_a_name_it_lists_tasks_inputs_needs_and_quality(quote: Run) -> None:
    listed = quote().stdout

    assert "classify: Says which of your own labels fits" in listed
    assert "labels: Labels to choose from" in listed
    assert "needs an engine that writes" in listed
    assert listed.count("quality: not measured here: run `chatbot eval tasks`") == 11


def test_the_list_is_json_too(quote: Run) -> None:
    assert [card["name"] for card in json.loads(quote("--json").stdout)["tasks"]][:2] == ["answer", "chat"]


def test_a_text_is_the_main_input(run: Run, engine: WritingEngine) -> None:
    done = run("write", "Invite everybody.", "-i", "tone=friendly")

    assert done.stdout == "This is written by nobody.\n"
    assert "Tone: friendly" in engine.messages[0][-1].text
    assert "Invite everybody." in engine.messages[0][-1].text


def test_a_dash_reads_stdin_and_a_file_is_read(run: Run, engine: WritingEngine, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("From a file.")

    run("sentiment", "-", stdin="From stdin.")
    run("sentiment", "--file", str(tmp_path / "text.txt"))

    assert ["From stdin." in engine.messages[0][-1].text, "From a file." in engine.messages[1][-1].text] == [True, True]


def test_a_structured_result_is_words_or_json(run: Run) -> None:
    assert run("sentiment", "Nice.").stdout == "Positive. word 0\n"
    result = json.loads(run("sentiment", "Nice.", "--json").stdout)
    assert result["data"] == {"reason": "word 0", "label": "positive"}
    assert "not measured here" in result["quality"]


def test_a_schema_comes_from_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text('{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}')

    assert run("extract", "One.", "--schema", str(tmp_path / "schema.json")).stdout == "n: 1\n"


def test_a_stream_is_text_as_it_comes_or_one_event_a_line(run: Run) -> None:
    assert run("chat", "Hello", "--stream").stdout.startswith("This is written by nobody.\n\n(Not from your documents")
    events = [task_event.validate_json(line) for line in run("chat", "Hello", "--stream", "--json").stdout.splitlines()]
    assert [event.type for event in events] == ["delta"] * 5 + ["completed"]


def test_a_cut_result_says_so(application: Application) -> None:
    run = _command(tasks_over(application, WritingEngine(finish_reason="length")))

    assert "not complete" in run("write", "A poem.").stdout


def test_a_lesson_goes_on_until_an_empty_line_and_keeps_the_score(run: Run) -> None:
    lesson = run("tutor", "05-citations.md", stdin="First.\nSecond.\n\n").stdout

    assert [f"Question {n}, difficulty {n + 1} of 5: " in lesson for n in (1, 2, 3)] == [True, True, True]
    assert ["Correct, 1 of 1 points." in lesson, "Correct, 2 of 2 points." in lesson] == [True, True]
    assert "” [1]" not in lesson


def test_a_summary_names_its_sources(quote: Run) -> None:
    shown = quote("summarize", "-i", "document=05-citations.md", "-i", "length=short").stdout

    assert shown.count("\n- ") + shown.startswith("- ") == 3
    assert "\n\n[1] Citations and how to check them" in shown


def test_an_abstention_has_its_exit_code(quote: Run) -> None:
    assert quote("answer", "Who won the football world cup in 1974?").exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["juggle"], UnknownTask, "there is no task 'juggle'"),
        (["chat", "Hi", "-i", "mood"], BadInput, "NAME=VALUE"),
        (["chat", "Hi", "-i", "text=Ho"], BadInput, "text is given twice"),
        (["chat", "Hi", "--file", "x"], BadInput, "not both"),
        (["chat", "--file", "missing.txt"], BadInput, "cannot be read"),
        (["extract", "a", "--schema", "missing.json"], BadInput, "cannot be read"),
    ],
)
def test_a_mistake_is_said(run: Run, arguments: list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run(*arguments)


def test_what_the_engine_cannot_do_is_said(quote: Run) -> None:
    with pytest.raises(TaskUnavailable, match="only quotes sentences: it can do answer and summarize"):
        quote("translate", "Hello", "-i", "language=French")


def test_a_lesson_needs_an_engine_that_writes(quote: Run) -> None:
    with pytest.raises(TaskUnavailable):
        quote("tutor", "-i", "document=05-citations.md")


@pytest.mark.parametrize("options", [[], ["--stream"]])
def test_what_a_model_writes_does_not_steer_the_terminal(application: Application, options: list[str]) -> None:
    run = _command(tasks_over(application, WritingEngine(reply=lambda _messages, _options: "a\x1b[2Jb")))

    said = run("write", "x", *options).stdout

    assert "[2Jb" in said
    assert "\x1b" not in said


def test_stdin_that_is_no_text_is_told_of(run: Run) -> None:
    with pytest.raises(BadInput, match="stdin cannot be read as text"):
        run("sentiment", "-", stdin=b"\xff\xfe")  # type: ignore[arg-type]
