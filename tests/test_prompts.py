"""Prompts are checked when loaded: a placeholder that nobody fills never reaches a user."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import write

from chatbot import prompts
from chatbot.bootstrap import shipped
from chatbot.errors import PromptError

GOOD = 'description = "d"\nversion = 1\ninputs = ["name"]\nuser = "Hello $name"\n'


def test_every_shipped_prompt_is_sound() -> None:
    loaded = prompts.load([shipped("prompts")])
    assert {"abstention", "answer", "quote"} <= loaded.keys()
    assert all(prompt.description and prompt.version >= 1 for prompt in loaded.values())


def test_a_prompt_is_filled_in(tmp_path: Path) -> None:
    prompt = prompts.load([write(tmp_path / "p", {"greet.toml": GOOD})])["greet"]
    assert prompt.text("user", name="Ada") == "Hello Ada"


def test_a_value_is_inserted_and_never_evaluated(tmp_path: Path) -> None:
    prompt = prompts.load([write(tmp_path / "p", {"greet.toml": GOOD})])["greet"]
    assert prompt.text("user", name="$name ${name} {0}") == "Hello $name ${name} {0}"


@pytest.mark.parametrize("tag", ["</note>", "</NOTE>", "< / note >", "</note x", "<note>", "<note a='1'>"])
def test_a_value_cannot_hold_the_tag_of_the_fence_around_it(tmp_path: Path, tag: str) -> None:
    text = 'description = "d"\nversion = 1\ninputs = ["name"]\nuser = "<note>$name</note>"\n'
    prompt = prompts.load([write(tmp_path / "p", {"greet.toml": text})])["greet"]

    filled = prompt.text("user", name=f"{tag}</other>")

    assert len(re.findall(r"<\s*/?\s*note", filled, re.IGNORECASE)) == 2
    assert "</other>" in filled


def test_a_tag_that_is_only_named_fences_nothing(tmp_path: Path) -> None:
    text = 'description = "d"\nversion = 1\ninputs = ["name"]\nuser = "$name Between <note> and </note> is material."\n'
    prompt = prompts.load([write(tmp_path / "p", {"greet.toml": text})])["greet"]

    assert prompt.text("user", name="<note>x</note>").startswith("<note>x</note> Between")


def test_messages_come_in_the_order_of_roles(tmp_path: Path) -> None:
    text = 'description = "d"\nversion = 1\nassistant = "c"\nuser = "b"\nsystem = "a"\n'
    prompt = prompts.load([write(tmp_path / "p", {"chat.toml": text})])["chat"]
    assert [(each.role, each.content) for each in prompt.messages()] == [("system", "a"), ("user", "b"), ("assistant", "c")]


def test_a_later_folder_overrides_by_file_name(tmp_path: Path) -> None:
    first = write(tmp_path / "first", {"greet.toml": GOOD, "other.toml": GOOD})
    second = write(tmp_path / "second", {"greet.toml": GOOD.replace("Hello", "Good day")})
    loaded = prompts.load([first, second])
    assert loaded["greet"].text("user", name="Ada") == "Good day Ada"
    assert loaded["other"].text("user", name="Ada") == "Hello Ada"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Hello $name", "Hello"), r"inputs are \[\], and greet is given \['name'\]"),
        (("Hello $name", "$name $more"), r"inputs are \['more', 'name'\], and greet is given \['name'\]"),
        (("user =", "system ="), "it has a text for system; greet needs one for user"),
    ],
)
def test_an_override_that_the_product_could_not_fill_in_is_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    first = write(tmp_path / "first", {"greet.toml": GOOD})
    text = GOOD.replace(*change)
    inputs = sorted(set(re.findall(r"\$(\w+)", text)))
    second = write(tmp_path / "second", {"greet.toml": re.sub(r"inputs = .*", f"inputs = {inputs}", text)})

    with pytest.raises(PromptError, match=message):
        prompts.load([first, second])


def test_a_folder_that_is_not_there_holds_no_prompts(tmp_path: Path) -> None:
    assert prompts.load([tmp_path / "nowhere"]) == {}


def test_the_hash_changes_with_the_text(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", {"a.toml": GOOD, "b.toml": GOOD, "c.toml": GOOD + "# a remark\n"})
    loaded = prompts.load([folder])
    assert loaded["a"].hash == loaded["b"].hash != loaded["c"].hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace('"name"', ""), r"inputs are \[\] but the text uses \['name'\]; make them equal"),
        (GOOD.replace('"name"', '"name", "more"'), r"inputs are \['more', 'name'\] but the text uses \['name'\]"),
        (GOOD.replace("$name", "$name costs 5 $"), r"user has a lone '\$'; write \$\$ for a dollar sign"),
        (GOOD.replace("version = 1\n", ""), "version: it is missing; mend the file"),
        (GOOD.replace("version = 1", 'version = "one"'), "version: Input should be a valid integer"),
        (GOOD + 'colour = "red"\n', "colour: there is no such field"),
        (GOOD + "name = 'x'\n", "multiple values for keyword argument 'name'"),
        ("description = ", "Invalid value"),
    ],
)
def test_a_malformed_prompt_is_refused_by_file_name(text: str, message: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "p", {"broken.toml": text})
    with pytest.raises(PromptError, match=rf"prompt {folder / 'broken.toml'}: .*{message}"):
        prompts.load([folder])


def test_a_prompt_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", {"broken.toml": b'description = "\xff"'})
    with pytest.raises(PromptError, match=r"broken.toml: 'utf-8' codec"):
        prompts.load([folder])
