"""byte_level: tokens as people read them."""

from __future__ import annotations

from chatbot.engines.byte_level import readable


def test_tokens_are_shown_as_they_stand_in_the_text() -> None:
    assert readable(["Hello", "Ġworld", "Ċ"], "Hello world\n") == ["Hello", " world", "\n"]


def test_a_whole_character_is_shown_and_a_part_of_one_is_its_byte() -> None:
    assert readable(["GrÃ¼", "ÃŁ", "e"], "Grüße") == ["Grü", "ß", "e"]
    assert readable(["Gr", "Ã", "¼"], "Grü") == ["Gr", "<C3>", "<BC>"]


def test_tokens_of_another_kind_are_left_as_they_are() -> None:
    assert readable(["▁Hello", "▁world"], "Hello world") == ["▁Hello", "▁world"]
    assert readable(["Ã", "b"], "Ãb") == ["Ã", "b"]
