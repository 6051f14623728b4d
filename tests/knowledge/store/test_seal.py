"""A sealed folder tells whether anybody touched its files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from documents import write

from chatbot.knowledge.store import seal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write(tmp_path / "sealed", {"a.bin": b"abc", "deep/b.bin": b"def"})
    seal.put(folder)
    return folder


def test_a_folder_left_alone_is_whole(folder: Path) -> None:
    assert seal.check(folder) == "whole"
    assert seal.check(folder) == "whole", "looking does not break it"


@pytest.mark.parametrize(
    "touch",
    [
        lambda folder: (folder / "a.bin").write_bytes(b"abcd"),
        lambda folder: (folder / "deep/b.bin").unlink(),
        lambda folder: (folder / "new.bin").write_bytes(b""),
        lambda folder: os.utime(folder / "a.bin", ns=(1, 1)),
    ],
)
def test_a_folder_that_was_touched_is_broken(folder: Path, touch: Callable[[Path], object]) -> None:
    touch(folder)
    assert seal.check(folder) == "broken"


def test_an_opened_folder_has_no_seal(folder: Path) -> None:
    seal.remove(folder)
    seal.remove(folder)
    assert seal.check(folder) == "absent"


def test_a_folder_that_is_not_there_has_no_seal(tmp_path: Path) -> None:
    assert seal.check(tmp_path / "nowhere") == "absent"


def test_a_garbled_seal_is_none(folder: Path) -> None:
    (folder / "seal.json").write_text("{")
    assert seal.check(folder) == "absent"
