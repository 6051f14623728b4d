"""The wheel, installed away from the checkout: it carries everything, and a working directory can override it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import furnish, write

from chatbot import prompts
from chatbot.bootstrap import Application, shipped
from chatbot.knowledge.store.catalogue import Catalogue

pytest.importorskip("hatchling", reason="building a wheel without the network needs the build backend installed")

ROOT = Path(__file__).parents[1]
QUESTION = "What is nucleus sampling?"
OFF_TOPIC = "Who won the football world cup in 1974?"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return target


@pytest.fixture(scope="module")
def first(installed: Path, tmp_path_factory: pytest.TempPathFactory, models: Path, application: Application) -> tuple[Path, Any]:
    """An empty directory in which the first question was asked, and the answer. The encoder's work is done already."""
    folder = tmp_path_factory.mktemp("empty")
    furnish(folder / ".chatbot", models)
    _give_embeddings(application, folder / ".chatbot" / "catalogue.sqlite")
    return folder, _ask(installed, folder, QUESTION)


def _give_embeddings(application: Application, file: Path) -> None:
    """A catalogue without any document, which remembers the vectors of the built-in ones: every file is read, none encoded."""
    shutil.copy(application.settings.data_dir / "catalogue.sqlite", file)
    catalogue = Catalogue(file)
    for source in catalogue.sources():
        catalogue.remove([version.document_id for version in catalogue.versions(source).values()])
    catalogue.set_meta(built_in_read="")
    assert not catalogue.collections()
    catalogue.close()


def _ask(installed: Path, folder: Path, question: str) -> Any:
    """The answer of the installed package, asked in `folder`."""
    program = "import sys, chatbot; print(chatbot.__file__, file=sys.stderr); from chatbot.apps.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "ask", question, "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr.splitlines()[0] == str(installed / "chatbot" / "__init__.py"), done.stderr
    return json.loads(done.stdout)


def test_it_carries_prompts_knowledge_migrations_and_the_pages_files(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    for folder in ("prompts", "knowledge"):
        here = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert {f"chatbot/shipped/{name}" for name in here} <= names
    static = {path.relative_to(ROOT).as_posix() for path in (ROOT / "chatbot" / "apps" / "static").iterdir()}
    assert static <= names
    migrations = {path.relative_to(ROOT).as_posix() for path in (ROOT / "chatbot/knowledge/store/migrations").rglob("*.py")}
    assert (
        {"chatbot/knowledge/store/migrations/env.py", "chatbot/knowledge/store/migrations/versions/schema_2.py"}
        <= migrations
        <= names
    )


def test_it_carries_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0].split("-")[0] for name in names} == {"chatbot"}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_in_an_empty_directory_it_answers_with_citations(first: tuple[Path, Any]) -> None:
    folder, answer = first

    assert answer["status"] == "answered"
    assert {citation["source"] for citation in answer["citations"]} == {"20-sampling-and-decoding.md"}
    assert [path.name for path in folder.iterdir()] == [".chatbot"]


def test_its_prompts_are_those_of_the_checkout(first: tuple[Path, Any]) -> None:
    _, answer = first

    assert answer["manifest"]["prompts"] == {name: each.hash for name, each in prompts.load([shipped("prompts")]).items()}


def test_a_prompt_in_the_working_directory_overrides_the_shipped_one(installed: Path, first: tuple[Path, Any]) -> None:
    folder, before = first
    write(folder / "prompts", {"abstention.toml": 'description = "Ours."\nversion = 2\nassistant = "Ask Martha, extension 12."'})

    answer = _ask(installed, folder, OFF_TOPIC)

    assert (answer["status"], answer["text"]) == ("abstained", "Ask Martha, extension 12.")
    changed = answer["manifest"]["prompts"].items() - before["manifest"]["prompts"].items()
    assert {name for name, _ in changed} == {"abstention"}
