"""Finds collections in knowledge folders: each sub-folder is one, and a later folder is laid over an earlier one file by file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from chatbot.errors import SettingsError
from chatbot.schema import Value

LOOSE = "documents"
"""The collection of files that lie directly in a knowledge folder, and of paths synced without --collection."""

DESCRIPTION = "knowledge.toml"
QUESTIONS = "questions.jsonl"


class Collection(Value):
    name: str
    title: str
    description: str = ""
    files: dict[str, Path]
    """Documents by their path inside the collection."""
    questions: Path | None = None


class GoldenQuestion(Value):
    """A line of questions.jsonl: what people ask, and what a right answer must look like."""

    question: str
    expected_sources: tuple[str, ...] = ()
    """Paths inside the collection; empty where it cannot answer."""
    must_mention: tuple[str, ...] = ()
    near_miss: bool = False
    """True for an unanswerable question about a thing the collection names."""


class _Description(BaseModel, extra="forbid"):
    title: str
    description: str = ""


_descriptions = TypeAdapter(dict[str, _Description])


def discover(roots: Sequence[Path]) -> dict[str, Collection]:
    """Collections by name.

    Raises:
        SettingsError: a knowledge.toml is malformed.
    """
    described: dict[str, _Description] = {}
    files: dict[str, dict[str, Path]] = {}
    for root in roots:
        described |= _read_descriptions(root / DESCRIPTION)
        for path in walk(root):
            first, *rest = printable(path.relative_to(root)).split("/")
            name, inside = (first, "/".join(rest)) if rest else (LOOSE, first)
            files.setdefault(name, {})[inside] = path
    return {name: _collection(name, described.get(name), found) for name, found in files.items()}


def walk(folder: Path) -> Iterator[Path]:
    """Files of a folder in a stable order; hidden ones are passed over."""
    for path in sorted(folder.rglob("*")):
        if (
            path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(folder).parts)
            and path.name != DESCRIPTION
        ):
            yield path


def printable(path: Path) -> str:
    """The path with slashes; bytes of a name that are no UTF-8 become `\\xe9`, so that it can be stored and shown."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def golden_questions(collection: Collection) -> list[GoldenQuestion]:
    """The collection's questions.jsonl; empty where it has none.

    Raises:
        SettingsError: a line is malformed; the message names it.
    """
    if collection.questions is None:
        return []
    questions: list[GoldenQuestion] = []
    for number, line in enumerate(collection.questions.read_bytes().splitlines(), 1):
        try:
            questions.append(GoldenQuestion.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            what = ": ".join([*map(str, first["loc"]), first["msg"]])
            raise SettingsError(f"{collection.questions} line {number}: {what}; mend the line") from error
    return questions


def _collection(name: str, described: _Description | None, files: dict[str, Path]) -> Collection:
    questions = files.pop(QUESTIONS, None)
    title = described.title if described else name.replace("-", " ").replace("_", " ").capitalize()
    return Collection(
        name=name, title=title, description=described.description if described else "", files=files, questions=questions
    )


def _read_descriptions(path: Path) -> dict[str, _Description]:
    try:
        return _descriptions.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: {error}; mend or remove the file") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; mend the file") from error
