import pytest

from chatbot.language.definitions import defines, topic


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("What is self-attention?", {"self", "attent"}),
        ("whats nucleus sampling", {"nucleus", "sampl"}),
        ("What does RAG mean?", {"rag"}),
        ("define perplexity", {"perplex"}),
        ("what licence is it under", set()),
        ("how does attention work", set()),
        ("what should I never paste into a chat", set()),
    ],
)
def test_the_topic_is_found_only_where_a_meaning_is_asked(question: str, asked: set[str]) -> None:
    assert topic(question) == asked


@pytest.mark.parametrize(
    "sentence",
    [
        "Nucleus sampling is a way to pick tokens.",
        "Nucleus sampling, also called top-p sampling, is a way to pick tokens.",
        "Nucleus sampling (top-p) means that few tokens are kept.",
    ],
)
def test_a_sentence_that_begins_with_the_topic_defines_it(sentence: str) -> None:
    assert defines(sentence, topic("What is nucleus sampling?"))


def test_a_sentence_about_something_else_defines_nothing() -> None:
    assert not defines("Temperature is divided into the logits before nucleus sampling.", topic("What is nucleus sampling?"))
    assert not defines("In 2019 nucleus sampling was published.", topic("What is nucleus sampling?"))


def test_without_a_topic_nothing_is_a_definition() -> None:
    assert not defines("Nucleus sampling is a way to pick tokens.", frozenset())
