import pytest

from chatbot.flow.smalltalk import is_smalltalk


@pytest.mark.parametrize("text", ["hello", "Hi there!", "thank you very much", "ok, thanks", "who are you?", "HELP"])
def test_pleasantries_are_smalltalk(text: str) -> None:
    assert is_smalltalk(text)


@pytest.mark.parametrize(
    "text", ["hello world program in C", "help me install it", "what can you do about typos", "thanksgiving", "?"]
)
def test_anything_to_look_up_is_not(text: str) -> None:
    assert not is_smalltalk(text)
