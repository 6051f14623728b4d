"""Parts are found by name, and a wrong name says which there are."""

from __future__ import annotations

import pytest

from chatbot import registry
from chatbot.errors import SettingsError
from chatbot.knowledge.formats import markdown


def test_every_promised_format_is_registered() -> None:
    assert registry.names("chatbot.formats") == sorted(
        ["docx", "htm", "html", "markdown", "md", "pdf", "text", "txt"]
        + ["doc", "odp", "ods", "odt", "pptx", "rtf", "xls", "xlsx"]
        + ["bmp", "gif", "jpeg", "jpg", "png", "tif", "tiff", "webp"]
        + ["bz2", "csv", "eml", "epub", "gz", "json", "jsonl", "msg", "ndjson", "rst", "tsv", "xml", "zip"]
    )


def test_the_shipped_engine_is_registered() -> None:
    assert "extractive" in registry.names("chatbot.engines")


def test_a_part_is_loaded_by_its_name() -> None:
    assert registry.load("chatbot.formats", "md") is markdown.extract


@pytest.mark.parametrize("name", registry.names("chatbot.formats"))
def test_every_registered_format_can_be_imported(name: str) -> None:
    assert callable(registry.load("chatbot.formats", name))


@pytest.mark.parametrize("name", registry.names("chatbot.engines"))
def test_every_registered_engine_can_be_imported(name: str) -> None:
    assert callable(registry.load("chatbot.engines", name))


def test_an_unknown_part_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(SettingsError, match=r"there is no engine 'magic'; there are: .*extractive"):
        registry.load("chatbot.engines", "magic")


def test_an_unknown_format_is_called_a_format() -> None:
    with pytest.raises(SettingsError, match=r"there is no format 'dwg'; there are: .*docx"):
        registry.load("chatbot.formats", "dwg")
