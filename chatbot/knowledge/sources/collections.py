"""Finds collections in knowledge folders: each sub-folder is one, and a later folder is laid over an earlier one file by file."""

from __future__ import annotations

import codecs
import os
import re
import stat
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from chatbot.errors import SettingsError, first_mistake
from chatbot.knowledge.reading.reader import NO_FILE
from chatbot.schema import Value

LOOSE = "documents"
"""The collection of files that lie directly in a knowledge folder, and of paths synced without --collection."""

DESCRIPTION = "knowledge.toml"
QUESTIONS = "questions.jsonl"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LOOKS_ESCAPED = re.compile(r"\\(?=x[0-9a-f]{2}|u[0-9a-f]{4})")


class Collection(Value):
    name: str
    title: str
    description: str = ""
    files: dict[str, Path]
    """Documents by their path inside the collection."""
    questions: Path | None = None
    max_error: float | None = None
    """In place of the setting `abstention.max_error`, for answers from this collection; None takes the setting."""
    max_sentences: int | None = None
    """In place of `quoting.max_sentences`."""
    rerank: bool = True
    """Whether the reader has a say in the order of its passages; False where its own questions are found better without."""
    unreadable: dict[str, str] = {}
    """Folders inside the collection that could not be listed, with the reason; "" is the collection's own."""
    refused: dict[str, str] = {}
    """Files that may not be read, with the reason."""


class GoldenQuestion(Value):
    """A line of questions.jsonl: what people ask, and what a right answer must look like."""

    question: str
    expected_sources: tuple[str, ...] = ()
    """Paths inside the collection; empty where it cannot answer."""
    must_mention: tuple[str, ...] = ()
    near_miss: bool = False
    """True for an unanswerable question about a thing the collection names."""
    paraphrase: bool = False
    """True for one that hardly shares a word with what answers it: such are counted apart."""


class Tree(NamedTuple):
    """What lies in a folder."""

    files: list[Path]
    """In a stable order; hidden ones are passed over."""
    unreadable: dict[Path, str]
    """Folders that could not be listed, with the reason."""
    refused: dict[Path, str]
    """Files that may not be read, with the reason."""


class _Description(BaseModel, extra="forbid"):
    title: str
    description: str = ""
    max_error: float | None = Field(default=None, ge=0, le=1)
    max_sentences: int | None = Field(default=None, ge=1, le=9)
    rerank: bool = True


_descriptions = TypeAdapter(dict[str, _Description])


def discover(roots: Sequence[Path], but_not: Path | None = None) -> dict[str, Collection]:
    """Collections by name; see `walk`.

    Raises:
        SettingsError: a knowledge.toml is malformed, or one of the folders cannot be read.
    """
    described: dict[str, _Description] = {}
    files: dict[str, dict[str, Path]] = {}
    questions: dict[str, Path] = {}
    unreadable: dict[str, dict[str, str]] = {}
    refused: dict[str, dict[str, str]] = {}
    for root in filter(Path.exists, roots):
        described |= _read_descriptions(root / DESCRIPTION)
        tree = walk(root, but_not)
        if root in tree.unreadable:
            raise SettingsError(f"the folder {root} {tree.unreadable[root]}; mend its permissions")
        for path in tree.files:
            name, inside = _place(path.relative_to(root))
            held = files.setdefault(name, {})
            refused.get(name, {}).pop(inside, "")
            if path.name != QUESTIONS:
                held[inside] = path
            elif inside == QUESTIONS:
                questions[name] = path
        for path, reason in tree.refused.items():
            name, inside = _place(path.relative_to(root))
            files.setdefault(name, {}).pop(inside, None)
            refused.setdefault(name, {})[inside] = reason
        for folder, reason in tree.unreadable.items():
            name, inside = _place(folder.relative_to(root) / "any")
            unreadable.setdefault(name, {})[inside.rpartition("/")[0]] = reason
    return {
        name: Collection(
            name=name,
            title=described[name].title if name in described else name.replace("-", " ").replace("_", " ").capitalize(),
            description=described[name].description if name in described else "",
            max_error=described[name].max_error if name in described else None,
            max_sentences=described[name].max_sentences if name in described else None,
            rerank=described[name].rerank if name in described else True,
            files=files.get(name, {}),
            unreadable=unreadable.get(name, {}),
            refused=refused.get(name, {}),
            questions=questions.get(name),
        )
        for name in {**files, **unreadable}
    }


def walk(folder: Path, but_not: Path | None = None) -> Tree:
    """List a folder with all below it but for `but_not`; neither it nor any folder in it need be readable."""
    files: list[Path] = []
    refused: dict[Path, str] = {}
    faults: list[OSError] = []
    for place, folders, names in os.walk(folder, onerror=faults.append):
        folders[:] = [name for name in folders if not name.startswith(".") and Path(place, name) != but_not]
        links = [path for name in folders if (path := Path(place, name)).is_symlink()]
        refused |= dict.fromkeys(links, "a link to a folder, which is not followed; sync that folder itself")
        shown = [Path(place, name) for name in names if not name.startswith(".") and name != DESCRIPTION]
        for path in shown:
            if reason := "a link that leads out of the folder" if _leads_out(path, folder) else _no_file(path):
                refused[path] = reason
            else:
                files.append(path)
    unreadable = {Path(fault.filename): f"cannot be read: {fault.strerror}" for fault in faults}
    return Tree(sorted(files), unreadable, dict(sorted(refused.items())))


def printable(path: str) -> str:
    r"""The path as it can be stored and shown: a byte that is no UTF-8 becomes `\xe9`, a control `\u001b`; no two become one."""
    text = _LOOKS_ESCAPED.sub(r"\\x5c", path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda control: f"\\u{ord(control[0]):04x}", text)


def golden_questions(collection: Collection) -> list[GoldenQuestion]:
    """The collection's questions.jsonl; empty where it has none.

    Raises:
        SettingsError: the file cannot be read, or a line is malformed; the message names it.
    """
    if collection.questions is None:
        return []
    questions: list[GoldenQuestion] = []
    for number, line in enumerate(_lines(collection.questions), 1):
        if not line.strip():
            continue
        try:
            questions.append(GoldenQuestion.model_validate_json(line))
        except ValidationError as error:
            what = first_mistake(error.errors())
            raise SettingsError(f"{collection.questions} line {number}: {what}; mend the line") from error
    return questions


def _lines(file: Path) -> list[bytes]:
    try:
        return file.read_bytes().removeprefix(codecs.BOM_UTF8).splitlines()
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}; mend its permissions, or remove it") from error


def _place(path: Path) -> tuple[str, str]:
    """The collection a path of a knowledge folder belongs to, and the path inside it."""
    first, *rest = printable(path.as_posix()).split("/")
    return (first, "/".join(rest)) if rest else (LOOSE, first)


def _no_file(path: Path) -> str:
    """Why what lies here is no file; empty for one. What may not be looked at counts as one: the sync will say so of it."""
    try:
        return "" if stat.S_ISREG(path.stat().st_mode) else NO_FILE
    except FileNotFoundError:
        return "a link to what is not there"
    except OSError:
        return ""


def _leads_out(path: Path, folder: Path) -> bool:
    """True for a link to what lies elsewhere: whoever may put files here need not be allowed to read all that we may."""
    if not os.path.islink(path):
        return False  # links to folders are not followed, so that it lies where it seems to
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _read_descriptions(path: Path) -> dict[str, _Description]:
    try:
        return _descriptions.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: {error}; mend or remove the file") from error
    except ValidationError as error:
        raise SettingsError(f"{path}: {first_mistake(error.errors())}; mend the file") from error
