"""render: nothing from a document or a person is read as HTML, Markdown or LaTeX; the k-th marker opens the k-th citation."""

from __future__ import annotations

import html
import random
import string
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from fakes import passage

from chatbot.apps import render
from chatbot.apps.turn import Turn
from chatbot.schema import Citation

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "![x](http://example.invalid/x.png)",
    "</div><script>alert(1)</script>",
    "[link](javascript:alert(1))",
    "$$\\href{javascript:alert(1)}{x}$$",
    "`code` **bold** _it_ # head\n\n    indented\n\n---\n| a | b |",
    "http://example.invalid www.example.invalid a@example.invalid",
    '" onmouseover="alert(1)',
    "&lt;b&gt; &#60;b&#62;",
    "<!-- -->\u2028<b>\x00\x08\x1b[31m</b>",
]

TEXT = "The kettle holds four litres. It is blue & round."
KETTLE = passage(TEXT, 1, start=100, heading_path=("Kitchen", "Water"), page=7, lexical=3.25)
POT = passage("A pot is made of clay.", 2)


def _cited(of: str, marker: int = 1) -> Citation:
    start = TEXT.index(of)
    return Citation(
        marker=marker,
        start=100 + start,
        end=100 + start + len(of),
        chunk_id="chunk-1",
        collection="handbook",
        source="1.md",
        title="Title 1",
        page=7,
        cited_text=of,
    )


ANSWERED = Turn(
    phase="answered",
    raw="Four litres. [1] Blue. [1]",
    citations=(_cited("The kettle holds four litres."), _cited("It is blue & round.")),
    passages=(KETTLE, POT),
)


class _Seen(HTMLParser):
    """Elements and text as a browser would find them."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, name: str) -> int:
        return sum(element[1].get("class") == name for element in self.elements)


def test_escaping_leaves_no_ascii_punctuation_but_that_of_entities() -> None:
    escaped = render.escape(string.punctuation)

    assert html.unescape(escaped) == string.punctuation
    assert set(escaped) <= set("&#;0123456789")


@pytest.mark.parametrize("seed", range(20))
def test_escaped_text_reads_as_it_was(seed: int) -> None:
    letters = string.printable.translate(str.maketrans("", "", "\r\t\x0b\x0c")) + "äß漢 ‮€"
    text = "".join(random.Random(seed).choices(letters, k=200))

    assert html.unescape(render.escape(text)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_element_wherever_it_stands(text: str) -> None:
    def dressed(text: str) -> str:
        found = passage(text, 1, title=text, source=text, collection=text, heading_path=(text,))
        place = {"chunk_id": "chunk-1", "collection": text, "source": text, "title": text, "page": None}
        cited = Citation(marker=1, start=0, end=len(text), cited_text=text, **place)
        turn = Turn(phase="answered", raw=f"{text} [1]", citations=(cited,), passages=(found,), note=text)
        shown = (turn, replace(turn, phase="abstained"), replace(turn, phase="failed"))
        return render.question_html(text) + "".join(render.turn_html(each) for each in shown)

    expected = [tag for tag, _ in _Seen(dressed("word")).elements]
    found = _Seen(dressed(text))
    tags = [tag for tag, _ in found.elements]

    # a blank line makes a paragraph more; nothing else may come of text
    assert [tag for tag in tags if tag != "p"] == [tag for tag in expected if tag != "p"]
    assert {name for _, attributes in found.elements for name in attributes} <= {
        *("class", "data-phase", "data-evidence", "data-key", "dir", "type", "aria-label", "hidden")
    }


def test_a_message_is_one_line_so_that_markdown_takes_it_for_html() -> None:
    turn = replace(ANSWERED, raw="One.\n\nTwo.\n\n    Three. [1]", note="a\n\nb")

    assert "\n" not in render.turn_html(turn)
    assert "\n" not in render.question_html("a\n\n\nb")


def test_a_question_keeps_its_lines() -> None:
    assert _Seen(render.question_html(" a\nb ")).text == "You askeda\nb"


def test_the_kth_marker_opens_the_kth_citation() -> None:
    seen = _Seen(render.turn_html(ANSWERED))
    chips = [attributes for tag, attributes in seen.elements if tag == "button" and attributes["class"] == "citation"]
    keys = [attributes["data-key"] for _, attributes in seen.elements if "data-key" in attributes]

    assert [chip["data-evidence"] for chip in chips] == ["0", "1"]
    assert keys == ["0", "1"]
    assert chips[0]["aria-label"] == "Source 1: Title 1, page 7: “The kettle holds four litres.”"


def test_the_cited_words_are_marked_in_their_passage() -> None:
    shown = html.unescape(render.turn_html(ANSWERED))

    assert "<mark>The kettle holds four litres.</mark> It is blue & round.</blockquote>" in shown
    assert "The kettle holds four litres. <mark>It is blue & round.</mark></blockquote>" in shown


def test_evidence_names_page_file_collection_and_scores() -> None:
    text = _Seen(render.turn_html(ANSWERED)).text

    for said in ("Kitchen › Water", "Page7", "File1.md", "Collectionhandbook", "Cosine1.00", "BM253.2"):
        assert said in text


def test_a_heading_that_repeats_the_title_is_left_out() -> None:
    repeating = KETTLE.model_copy(update={"title": "Kitchen"})

    assert '<p class="trail" dir="auto">Water</p>' in render.turn_html(replace(ANSWERED, passages=(repeating,)))


def test_numbers_stay_with_the_word_before_them_and_are_copied_with_brackets() -> None:
    shown = render.turn_html(replace(ANSWERED, raw="It holds four [1] [2]"))

    assert f'It holds <span class="kept">four<{shown.split(">four<")[1]}' in shown
    assert _Seen(shown.split('class="sources"')[0]).text.startswith("AnswerIt holds four[1][2]")


def test_a_marker_without_its_citation_yet_is_no_button() -> None:
    seen = _Seen(render.turn_html(replace(ANSWERED, phase="answering", citations=())))

    assert "button" not in [tag for tag, _ in seen.elements]
    assert seen.count("citation") == 2


def test_sources_are_listed_once_and_only_when_the_answer_is_finished() -> None:
    assert _Seen(render.turn_html(ANSWERED)).count("source") == 1
    assert _Seen(render.turn_html(replace(ANSWERED, phase="answering"))).count("source") == 0


def test_files_of_one_name_in_two_collections_are_two_sources() -> None:
    first, second = ANSWERED.citations
    elsewhere = replace(ANSWERED, citations=(first, second.model_copy(update={"collection": "papers"})))

    assert _Seen(render.turn_html(elsewhere)).count("source") == 2


@pytest.mark.parametrize(("phase", "words"), [("searching", "Searching"), ("reading", "Reading"), ("answering", "Answering")])
def test_a_busy_turn_says_what_it_does(phase: str, words: str) -> None:
    shown = render.turn_html(Turn(phase=phase))

    assert f'data-phase="{phase}"' in shown
    assert words in _Seen(shown).text


def test_an_abstention_is_a_card_with_the_nearest_passages() -> None:
    seen = _Seen(render.turn_html(Turn(phase="abstained", raw="They do not say.", passages=(KETTLE, POT))))

    assert "Not in the documents" in seen.text
    assert "Nearest passages looked at (2)" in seen.text
    assert [element[1]["data-evidence"] for element in seen.elements if element[1].get("class") == "source"] == ["0", "1"]


def test_an_abstention_without_passages_offers_none() -> None:
    assert "Nearest" not in render.turn_html(Turn(phase="abstained", raw="They do not say."))


def test_a_failure_keeps_the_words_said_and_shows_the_message() -> None:
    text = _Seen(render.turn_html(Turn(phase="failed", raw="Four", note="the engine is gone; ask again"))).text

    assert text == "AnswerFourThe answer broke offThe engine is gone; ask again"


def test_a_chip_keeps_its_citation_when_an_earlier_sentence_was_taken_back() -> None:
    turn = replace(ANSWERED, phase="answering", replaced=((0, "(withheld)"),))
    seen = _Seen(render.turn_html(turn))

    assert [element[1]["data-evidence"] for element in seen.elements if element[1].get("class") == "citation"] == ["1"]


def test_without_documents_the_page_says_how_to_add_some() -> None:
    assert "chatbot sync PATH" in render.welcome_html(False, {})
    assert "chatbot sync" not in render.welcome_html(True, {})
    assert "talking to a machine" in render.welcome_html(True, {})
    assert "Your documents" not in render.welcome_html(True, {})


def test_collections_without_examples_are_named_with_their_size() -> None:
    seen = _Seen(render.welcome_html(True, {"Papers": 3, "<b>Notes": 1}))

    assert "Papers" in seen.text
    assert "(3)" in seen.text
    assert "<b>Notes" in seen.text


@pytest.mark.parametrize(
    ("source", "linked"),
    [
        ("https://example.org/a?b=1&c=%22", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("cats.md", False),
        ("http://example.org/ onclick=x", False),
    ],
)
def test_only_the_address_of_a_page_becomes_a_link(source: str, linked: bool) -> None:
    found = passage("Cats purr.", 1, source=source, collection="https://not.example")
    place = {"chunk_id": "chunk-1", "collection": "c", "source": source, "title": "Cats", "page": None}
    cited = Citation(marker=1, start=0, end=4, cited_text="Cats", **place)
    links = [
        names
        for tag, names in _Seen(
            render.turn_html(Turn(phase="answered", raw="Cats. [1]", citations=(cited,), passages=(found,)))
        ).elements
        if tag == "a"
    ]
    assert len(links) == int(linked)
