"""Knowledge folders: each sub-folder a collection, laid over one another file by file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from documents import write

from chatbot.errors import SettingsError
from chatbot.knowledge.sources import collections
from chatbot.knowledge.sources.collections import Collection


def test_each_sub_folder_is_a_collection(tmp_path: Path) -> None:
    write(tmp_path, {"cats/a.md": "a", "cats/deep/b.md": "b", "dogs/c.md": "c"})
    found = collections.discover([tmp_path])
    assert {name: sorted(each.files) for name, each in found.items()} == {"cats": ["a.md", "deep/b.md"], "dogs": ["c.md"]}


def test_files_beside_the_sub_folders_are_a_collection_too(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "a"})
    assert collections.discover([tmp_path])["documents"].files == {"a.md": tmp_path / "a.md"}


def test_a_later_folder_is_laid_over_an_earlier_one_file_by_file(tmp_path: Path) -> None:
    first = write(tmp_path / "first", {"cats/a.md": "old", "cats/b.md": "kept"})
    second = write(tmp_path / "second", {"cats/a.md": "new", "dogs/c.md": "more"})
    found = collections.discover([first, second])
    assert found["cats"].files == {"a.md": second / "cats/a.md", "b.md": first / "cats/b.md"}
    assert found["dogs"].files == {"c.md": second / "dogs/c.md"}


def test_a_folder_that_is_not_there_adds_nothing(tmp_path: Path) -> None:
    assert collections.discover([tmp_path / "nowhere"]) == {}


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"cats/.a.md": "a", ".git/b.md": "b", "cats/.obsidian/c.md": "c"})
    assert collections.discover([tmp_path]) == {}


def test_only_files_are_documents(tmp_path: Path) -> None:
    folder = write(tmp_path / "cats", {"a.md": "a"})
    (folder / "folder.md").mkdir()
    (folder / "dangling.md").symlink_to("nowhere.md")
    os.mkfifo(folder / "pipe.md")
    cats = collections.discover([tmp_path])["cats"]
    assert list(cats.files) == ["a.md"]
    assert cats.refused == {"dangling.md": "a link to what is not there", "pipe.md": "a pipe, socket or device is not read"}


def test_a_link_that_leads_out_of_the_knowledge_folder_is_no_document(tmp_path: Path) -> None:
    write(tmp_path, {"secret.md": "s", "secret.jsonl": "s"})
    first = write(tmp_path / "first", {"cats/a.md": "a", "cats/b.md": "b", "dogs/c.md": "c"})
    second = tmp_path / "second/cats"
    second.mkdir(parents=True)
    (second / "a.md").symlink_to(tmp_path / "secret.md")
    (second / "questions.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (first / "cats/dogs.md").symlink_to("../dogs/c.md")
    cats = collections.discover([first, tmp_path / "second"])["cats"]
    assert list(cats.files) == ["b.md", "dogs.md"]
    assert (cats.refused["a.md"], cats.questions) == ("a link that leads out of the folder", None)


def test_a_name_that_is_no_utf8_can_be_shown(tmp_path: Path) -> None:
    folder = tmp_path / "cats"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.md")).write_text("a")
    assert list(collections.discover([tmp_path])["cats"].files) == ["caf\\xe9.md"]


def test_collections_are_described_in_one_file(tmp_path: Path) -> None:
    write(tmp_path, {"knowledge.toml": '[cats]\ntitle = "All cats"\ndescription = "d"\n', "cats/a.md": "a"})
    found = collections.discover([tmp_path])
    assert (found["cats"].title, found["cats"].description) == ("All cats", "d")
    assert list(found) == ["cats"], "the description is no document"


def test_a_collection_that_nobody_described_is_named_after_its_folder(tmp_path: Path) -> None:
    write(tmp_path, {"house-rules_new/a.md": "a"})
    assert collections.discover([tmp_path])["house-rules_new"].title == "House rules new"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[cats\n", "Expected ']'"),
        ('[cats]\ndescription = "d"\n', "cats.title: it is missing; mend the file"),
        ('[cats]\ntitle = "t"\ncolour = 1\n', "cats.colour: there is no such field"),
        ("cats = 3\n", "cats: it has to be an object"),
        (b'[cats]\ntitle = "\xff"\n', "'utf-8' codec"),
    ],
)
def test_a_malformed_description_is_refused_by_its_path(text: str | bytes, message: str, tmp_path: Path) -> None:
    write(tmp_path, {"knowledge.toml": text})
    with pytest.raises(SettingsError) as error:
        collections.discover([tmp_path])
    assert str(error.value).startswith(f"{tmp_path / 'knowledge.toml'}: ")
    assert message in str(error.value)


def with_questions(tmp_path: Path, lines: str | bytes) -> Collection:
    write(tmp_path, {"cats/a.md": "a", "cats/questions.jsonl": lines})
    return collections.discover([tmp_path])["cats"]


def test_golden_questions_are_no_document(tmp_path: Path) -> None:
    cats = with_questions(tmp_path, '{"question": "Why?"}\n')
    assert list(cats.files) == ["a.md"]
    assert [each.question for each in collections.golden_questions(cats)] == ["Why?"]


def test_a_collection_without_golden_questions_has_none(tmp_path: Path) -> None:
    write(tmp_path, {"cats/a.md": "a"})
    assert collections.golden_questions(collections.discover([tmp_path])["cats"]) == []


def test_any_character_may_stand_in_a_question(tmp_path: Path) -> None:
    cats = with_questions(tmp_path, '{"question": "one\u2028line?"}\n')
    assert collections.golden_questions(cats)[0].question == "one\u2028line?"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", "this is no JSON: key must be"),
        ('{"expected_sources": []}', "question: it is missing"),
        ('{"question": "x", "colour": 1}', "colour: there is no such field"),
        ('{"question": "x", "near_miss": "perhaps"}', "near_miss: Input should be a valid boolean"),
        (b'{"question": "\xff"}', "this is no JSON"),
    ],
)
def test_a_malformed_line_is_named(line: str | bytes, message: str, tmp_path: Path) -> None:
    broken = line if isinstance(line, bytes) else line.encode()
    cats = with_questions(tmp_path, b'{"question": "Why?"}\n' + broken + b'\n{"question": "How?"}\n')
    with pytest.raises(SettingsError, match=rf"questions.jsonl line 2: {message}"):
        collections.golden_questions(cats)


def test_blank_lines_and_a_byte_order_mark_are_no_fault(tmp_path: Path) -> None:
    cats = with_questions(tmp_path, b'\xef\xbb\xbf{"question": "Why?"}\r\n\r\n \n{"question": "How?"}\n\n')
    assert [each.question for each in collections.golden_questions(cats)] == ["Why?", "How?"]


def test_a_line_is_counted_as_an_editor_counts_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="questions.jsonl line 3: "):
        collections.golden_questions(with_questions(tmp_path, '{"question": "Why?"}\n\n{broken\n'))


def test_golden_questions_deeper_down_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"cats/a.md": "a", "cats/deep/questions.jsonl": "{}"})
    cats = collections.discover([tmp_path])["cats"]
    assert (list(cats.files), cats.questions) == (["a.md"], None)


def test_a_control_in_a_name_can_be_shown(tmp_path: Path) -> None:
    write(tmp_path, {"cats/\x1b[31mred\n.md": "a"})
    assert list(collections.discover([tmp_path])["cats"].files) == ["\\u001b[31mred\\u000a.md"]


def test_names_that_would_be_shown_alike_stay_two(tmp_path: Path) -> None:
    names = {"a\n.md", "a\\u000a.md", "a\\x0a.md", "\x85.md", os.fsdecode(b"\x85.md"), "\\x85.md", "\\u0085.md", "\\x5cx85.md"}
    for name in names:
        (tmp_path / name).write_text(name.encode("utf-8", "replace").decode(), encoding="utf-8")
    shown = collections.discover([tmp_path])[collections.LOOSE].files
    assert len(shown) == len(names)
    assert all(name.isprintable() for name in shown)
