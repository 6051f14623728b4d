"""Reads one file: looks at its bytes, asks the format that its suffix names, and refuses what does not fit."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import Any

from chatbot import registry
from chatbot.errors import DocumentRefused, FormatFailed
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.formats.kind import CONTAINERS, PICTURES, kind
from chatbot.schema import Box, CitedWords

NO_FILE = "a pipe, socket or device is not read"
MAX_BYTES = 50 * 2**20
_MAX_REASON = 200
_MARKED = {"pdf", "rtf", "gz", "bz2", *CONTAINERS, *PICTURES}
"""Formats whose files show in their first bytes what they are."""
_SAME = {"jpeg": "jpg", "tif": "tiff"}

_log = logging.getLogger(__name__)


def suffix_of(name: str) -> str:
    return Path(name).suffix.lower().removeprefix(".")


def title_of(name: str) -> str:
    """The title of a document that has none of its own."""
    return Path(name).stem.replace("-", " ").replace("_", " ").strip()


def supported(name: str) -> bool:
    """True if some format reads files of this name."""
    return suffix_of(name) in registry.names("chatbot.formats")


def load(name: str, file: Path) -> bytes:
    """A file's bytes, where its name and size are worth the reading.

    Raises:
        DocumentRefused: the reason, as the sync report shows it.
        OSError: the file is gone, or may not be read.
    """
    _check_type(name)
    # a pipe that has come to lie here would let its reader wait for ever
    with open(file, "rb", opener=lambda path, flags: os.open(path, flags | getattr(os, "O_NONBLOCK", 0))) as opened:
        about = os.fstat(opened.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise DocumentRefused(NO_FILE)
        _check_size(about.st_size)
        raw = opened.read(MAX_BYTES + 1)  # it may be growing
    _check_size(len(raw))
    return raw


def read(name: str, raw: bytes) -> Extracted:
    """Turn a file's bytes into text.

    Raises:
        DocumentRefused: the reason, as the sync report shows it.
        FormatFailed: the format raised something else; the log has its traceback.
    """
    _check_type(name)
    _check_size(len(raw))
    if not raw.strip():
        raise DocumentRefused("the file is empty")
    suffix = suffix_of(name)
    _check_content(suffix, raw)
    extracted = _extract(name, suffix, raw)
    if not extracted.text.strip():
        raise DocumentRefused("there is no text in it")
    if not extracted.title:
        extracted = extracted.model_copy(update={"title": title_of(name)})
    return extracted


def locate(raw: bytes, cited: CitedWords) -> tuple[Box, ...]:
    """Where words stand on the pages of a PDF; see `pdf_boxes.locate`.

    Raises:
        DocumentRefused: they do not stand there, or the file cannot be read.
        FormatFailed: the format raised something else; the log has its traceback.
    """
    from chatbot.knowledge.formats import pdf_boxes  # the one format that is not asked for by a suffix

    try:
        return pdf_boxes.locate(raw, cited)
    except DocumentRefused:
        raise
    except Exception as error:  # noqa: BLE001  as below
        _log.exception("locating words failed")
        raise FormatFailed(f"locating the words failed: {type(error).__name__}: {error}"[:_MAX_REASON]) from error


def _extract(name: str, suffix: str, raw: bytes) -> Extracted:
    try:
        extracted: Any = registry.load("chatbot.formats", suffix)(raw)
        if not isinstance(extracted, Extracted):
            raise TypeError(f"it returned {type(extracted).__name__}, not Extracted")
        extracted.text.encode()  # half a surrogate pair could not be stored
    except DocumentRefused:
        raise
    except Exception as error:  # noqa: BLE001  formats are other people's too, and one file must not end a sync
        _log.exception("the .%s reader failed on %s", suffix, name)
        raise FormatFailed(f"the .{suffix} reader failed: {type(error).__name__}: {error}"[:_MAX_REASON]) from error
    return extracted


def _check_type(name: str) -> None:
    suffix = suffix_of(name)
    if not supported(name):
        raise DocumentRefused(f"files of type .{suffix} are not read" if suffix else "a file without a suffix is not read")


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise DocumentRefused(f"{size / 2**20:.0f} MiB; the limit is {MAX_BYTES // 2**20} MiB")


def _check_content(suffix: str, raw: bytes) -> None:
    found = kind(raw)
    expected = _SAME.get(suffix, suffix)
    expected = expected if expected in _MARKED else None
    if found in {expected, CONTAINERS.get(suffix, expected)} or (expected == "pdf" and b"%PDF-" in raw[:1024]):
        return
    if found == "encrypted":
        raise DocumentRefused("encrypted: it needs a password")
    if found == "ole" and suffix in {"docx", "xlsx", "pptx"}:
        raise DocumentRefused(f"encrypted, or in the old .{suffix[:-1]} format under a .{suffix} name")
    if found is None:
        raise DocumentRefused(f"named .{suffix}, but its content is not")
    raise DocumentRefused(f"named .{suffix}, but its content looks like {found}; give it its right name")
