"""`chatbot doctor`: looks at everything the product needs and says what to do about what is missing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from chatbot import prompts, registry
from chatbot.encoders import card, runtime, weights
from chatbot.errors import ChatbotError, WeightsMissing
from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.roots import knowledge_folders, shipped
from chatbot.knowledge.store import migrations, ownership, seal, soundness
from chatbot.knowledge.store.database import Database
from chatbot.settings import Settings

# ruff: noqa: T201  printing is what this module is for

_FREE_GIB = 1.0

_SEALS = {
    "whole": "as they were closed",
    "broken": "changed while they were closed; the next start builds them anew, and search goes on meanwhile",
    "absent": "not closed properly; the next start looks through them, and search goes on meanwhile",
}
"""What a start will make of each state."""


class Finding(NamedTuple):
    check: str
    state: Literal["ok", "note", "problem", "not_run"]
    text: str


def report(settings: Settings, as_json: bool) -> bool:
    """Print every finding; true if none is a problem."""
    findings = list(_findings(settings))
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f"{finding.state:>8}  {finding.check:<16} {finding.text}")
    return all(finding.state != "problem" for finding in findings)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding("python", "ok", sys.version.split()[0])
    yield _sqlite()
    yield Finding("cpu", "ok", f"{os.cpu_count()} cores, runs the encoder in {runtime.precisions()[0]}")
    yield _weights(settings)
    for check, look in (("knowledge", _knowledge), ("prompts", _prompts), ("engine", _engine)):
        yield _tried(check, look, settings)
    yield _data_dir(settings)
    yield _tried("catalogue", _catalogue, settings)
    yield _indexes(settings)
    yield _disk(settings)
    yield _port(settings)


def _tried(check: str, look: Callable[[Settings], str], settings: Settings) -> Finding:
    try:
        return Finding(check, "ok", look(settings))
    except ChatbotError as error:
        return Finding(check, "problem", str(error))


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version_info
    fixed = version >= (3, 51, 3) or version in {(3, 44, 6), (3, 50, 7)}
    text = sqlite3.sqlite_version
    return Finding("sqlite", "ok" if fixed else "note", text if fixed else f"{text} has the WAL-reset bug; WAL mode is not used")


def _weights(settings: Settings) -> Finding:
    model = settings.encoder.model
    if card.place(model, settings.data_dir / "models").card():
        return Finding("weights", "ok", f"{model}, compiled")
    try:
        folder = weights.locate(model, download=False)
    except WeightsMissing as error:
        if weights.may_be_on_hub(model):
            return Finding("weights", "note", f"{model} is not on this machine; the first start fetches it from the model hub")
        return Finding("weights", "problem", str(error))
    return Finding("weights", "ok", f"{model} in {folder} (compiled at the first use)")


def _knowledge(settings: Settings) -> str:
    found = collections.discover(knowledge_folders(settings))
    return (
        ", ".join(f"{name} ({len(each.files)} files)" for name, each in found.items())
        or "no collection; `chatbot sync PATH` adds one"
    )


def _prompts(_settings: Settings) -> str:
    return ", ".join(prompts.load([shipped("prompts"), Path("prompts")]))


def _catalogue(settings: Settings) -> str:
    """Looked at without taking it from who has it open, or bringing it to this program's schema."""
    file = settings.data_dir / "catalogue.sqlite"
    if not settings.database:
        if ownership.find(settings.data_dir):
            return "in use"
        if not os.path.exists(file):
            soundness.look(file)  # it may be gone
            return "none yet"
    database = Database(settings.database or file)
    try:
        schema = migrations.look(database)
        kind = f"PostgreSQL {database.version()}" if settings.database else "SQLite"
    finally:
        database.close()
    moves = f"; the next start brings it from schema {schema} to {migrations.SCHEMA}" if 0 < schema < migrations.SCHEMA else ""
    return f"{kind} at {database.backend.name}{moves}"


def _engine(settings: Settings) -> str:
    registry.load("chatbot.engines", settings.engine)
    if settings.engine != "vllm":
        return settings.engine
    from chatbot.engines.vllm_server import build_engine

    return asyncio.run(build_engine(settings.vllm).about())


def _data_dir(settings: Settings) -> Finding:
    owner = ownership.find(settings.data_dir)
    if owner:
        serving = f"; what you ask is answered there, by its engine {owner.engine}" if owner.engine else ""
        return Finding("data directory", "note", f"{settings.data_dir} is open in {owner}{serving}")
    folder = _existing(settings.data_dir)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Finding("data directory", "problem", f"{folder} cannot be written; set CHATBOT_DATA_DIR to a folder that can")
    return Finding(
        "data directory",
        "ok",
        f"{settings.data_dir}{'' if folder == settings.data_dir.absolute() else ' (made at the first use)'}",
    )


def _indexes(settings: Settings) -> Finding:
    """How the generations lie on the disk; what they hold is for `chatbot verify` to say."""
    if ownership.find(settings.data_dir):
        return Finding("indexes", "note", "in use; `chatbot verify` compares them with the catalogue")
    found = {folder.name: seal.check(folder) for folder in (settings.data_dir / "indexes").glob("*")}
    if not found:
        return Finding("indexes", "ok", "none yet")
    state = "whole" if "whole" in found.values() else next(iter(found.values()))
    return Finding("indexes", "ok" if state == "whole" else "note", _SEALS[state])


def _disk(settings: Settings) -> Finding:
    folder = _existing(settings.data_dir)
    try:
        free = shutil.disk_usage(folder).free / 2**30
    except OSError as error:
        return Finding("disk", "not_run", f"{folder}: {error.strerror}")
    return Finding("disk", "ok" if free > _FREE_GIB else "problem", f"{free:.1f} GiB free; at least {_FREE_GIB} is wanted")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest around it that there is: the others are made with it."""
    absolute = folder.absolute()
    return next(each for each in (absolute, *absolute.parents) if os.path.exists(each))


def _port(settings: Settings) -> Finding:
    try:
        with socket.create_connection((settings.host, settings.port), timeout=1):
            taken = True
    except socket.gaierror as error:
        return Finding("port", "problem", f"host {settings.host!r} is no address of this machine: {error.strerror}")
    except OSError:
        taken = False
    text = f"{settings.port} is in use; serve with --port, or stop what uses it" if taken else f"{settings.port} is free"
    return Finding("port", "note" if taken else "ok", text)
