"""reStructuredText: sections, lists and tables kept, what only Sphinx knows keeps its words, and no other file is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import rst


def text_of(source: str) -> str:
    return rst.extract(source.encode()).text


def test_sections_are_headings_with_their_level() -> None:
    document = rst.extract(b"Boiler\n======\n\nHot.\n\nValve\n-----\n\nIt opens.\n\nPump\n====\n\nIt runs.\n")
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "Boiler"), (2, "Valve"), (1, "Pump")]
    assert document.title == "Boiler"


def test_a_title_above_all_sections_is_the_highest_heading() -> None:
    document = rst.extract(b"Manual\n======\n\nBoiler\n------\n\nHot.\n")
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "Manual"), (2, "Boiler")]


def test_items_of_lists_stand_on_lines() -> None:
    assert text_of("- one *item*\n- another\n") == "- one item\n- another\n"


def test_fields_stand_on_the_line_of_their_name() -> None:
    assert text_of(":Author: Ann\n:Version: 2\n") == "- Author: Ann\n- Version: 2\n"


@pytest.mark.parametrize(
    "table",
    [
        "=====  ===\nPart   Bar\n=====  ===\nValve  7\n=====  ===\n",
        "+-------+-----+\n| Part  | Bar |\n+=======+=====+\n| Valve | 7   |\n+-------+-----+\n",
        ".. csv-table::\n   :header: Part, Bar\n\n   Valve, 7\n",
    ],
)
def test_each_row_of_a_table_keeps_its_headers(table: str) -> None:
    assert text_of(table) == "- Part: Valve; Bar: 7\n"


def test_code_keeps_its_lines() -> None:
    assert text_of("::\n\n   a = 1\n     b\n").startswith("a = 1\n  b\n")
    assert text_of(".. code-block:: python\n   :caption: setting\n\n   a = 1\n") == "a = 1\n\n"


def test_roles_that_docutils_does_not_know_are_their_words() -> None:
    assert (
        text_of("See :ref:`the boiler <boiler>`, :py:class:`~heat.Boiler` and `x`_.\n")
        == "See the boiler, heat.Boiler and `x`_.\n\n"
    )


def test_directives_that_docutils_does_not_know_keep_what_stands_in_them() -> None:
    text = text_of(".. versionadded:: 2.0\n   A *new* valve.\n\n   .. tab:: Oil\n      :name: x\n\n      It burns.\n")
    assert text == "2.0\n\nA new valve.\n\nOil\n\nIt burns.\n\n"


@pytest.mark.parametrize(
    "directive",
    [
        ".. include:: {secret}",
        ".. literalinclude:: {secret}",
        ".. raw:: html\n   :file: {secret}",
        ".. csv-table::\n   :file: {secret}",
        ".. csv-table::\n   :url: file://{secret}",
    ],
)
def test_no_directive_reads_another_file(directive: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the password")
    document = rst.extract(f"Before.\n\n{directive.format(secret=secret)}\n\nBehind.\n".encode())
    assert document.text == "Before.\n\nBehind.\n\n"
    assert directive.split("::")[0].removeprefix(".. ") in document.missing


def test_a_configuration_in_the_working_directory_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docutils.conf").write_text("[general]\nfile_insertion_enabled: on\nraw_enabled: on\n")
    (tmp_path / "secret.txt").write_text("the password")
    monkeypatch.chdir(tmp_path)
    assert rst.extract(b"Before.\n\n.. include:: secret.txt\n").text == "Before.\n\n"


def test_markup_of_another_language_is_not_passed_on() -> None:
    assert text_of("Before.\n\n.. raw:: html\n\n   <script>x</script>\n") == "Before.\n\n"


def test_nothing_is_said_of_the_mistakes_of_its_author() -> None:
    assert (
        text_of("Boiler\n====\n\n|undefined| and `missing`_ and *open\n") == "Boiler\n\n|undefined| and `missing`_ and *open\n\n"
    )


def test_a_table_whose_lines_do_not_fit_keeps_its_words() -> None:
    assert "Valve | 7" in text_of("+---+\n| Valve | 7 |\n+---+\n")


def test_a_document_that_would_take_long_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="split the document"):
        rst.extract(b"A line.\n" * 300_000)


def test_a_document_of_countless_mistakes_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="more than 5,000 mistakes"):
        rst.extract(b"Boiler\n======\n\n" * 6_000)


def test_substitutions_that_multiply_are_refused() -> None:
    levels = "".join(f".. |a{level}| replace:: {f'|a{level - 1}| ' * 50}\n" for level in range(1, 7))
    with pytest.raises(DocumentRefused, match="substitutions make more than"):
        rst.extract(f".. |a0| replace:: {'x' * 1_000}\n{levels}\n|a6|\n".encode())


def test_substitutions_stand_for_their_words() -> None:
    assert text_of(".. |x| replace:: the *boiler*\n\n|x| is |X|.\n") == "the boiler is the boiler.\n\n"
