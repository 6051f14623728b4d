"""The web chat in a real browser: asking, reading sources, stopping, and what hostile text may not do."""

from __future__ import annotations

import re
import threading

import pytest
from fakes import ScriptedEngine, passage, scripted_pipeline
from pages import PageApplication
from playwright.sync_api import Page, expect

from browser.conftest import ServeDoubles, Visit, Watch
from chatbot.flow.pipeline import Pipeline
from chatbot.settings import Settings

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio"),  # Gradio uses pandas in an old way
]

QUESTION = "Which file formats can be read?"
OFF_TOPIC = "Who won the football championship in Uruguay last summer?"
HOSTILE = '<img src=x onerror="alert(1)"> ![x](http://example.invalid/x.png) <script>alert(2)</script> $$x^2$$'
PATIENCE_MS = 30_000
LOG = "document.querySelector('#transcript [role=log]')"

WATCH_GROWTH = """() => {
  window.lengths = [];
  new MutationObserver(() => {
    const text = document.querySelector("#transcript .answer .text");
    const length = text ? text.textContent.length : 0;
    if (length !== window.lengths.at(-1)) window.lengths.push(length);
  }).observe(document, { subtree: true, childList: true, characterData: true });
}"""
WATCH_ANNOUNCEMENTS = """() => {
  window.said = [];
  new MutationObserver(() => window.said.push(document.querySelector("#announcer").textContent))
    .observe(document.querySelector("#announcer"), { subtree: true, childList: true, characterData: true });
}"""


def _ask(page: Page, text: str) -> None:
    page.get_by_label("Your question").fill(text)
    page.keyboard.press("Enter")


def _asked(page: Page, text: str, phase: str = "answered") -> None:
    """Ask, and wait until the newest answer is in that phase."""
    before = page.locator(".answer").count()
    _ask(page, text)
    expect(page.locator(".answer")).to_have_count(before + 1, timeout=PATIENCE_MS)
    expect(page.locator(".answer").last).to_have_attribute("data-phase", phase, timeout=PATIENCE_MS)


@pytest.fixture
def endless() -> ScriptedEngine:
    return ScriptedEngine(pieces=["on and "], endless=True)


def test_the_notice_stands_before_the_first_question_and_examples_ask(server: str, visit: Visit) -> None:
    page = visit(server)
    expect(page.get_by_text("You are talking to a machine.")).to_be_visible()

    page.get_by_role("button", name=QUESTION).click()

    expect(page.locator(".question")).to_have_text(QUESTION)
    expect(page.locator(".answer")).to_have_attribute("data-phase", "answered", timeout=PATIENCE_MS)
    expect(page.get_by_text("You are talking to a machine.")).to_be_hidden()


def test_an_answer_grows_under_the_eyes(server: str, visit: Visit) -> None:
    page = visit(server)
    page.evaluate(WATCH_GROWTH)
    _asked(page, QUESTION)

    lengths = [length for length in page.evaluate("window.lengths") if length]
    assert len(set(lengths)) >= 2
    assert lengths == sorted(lengths)


def test_a_number_opens_the_cited_words_and_escape_leads_back(server: str, visit: Visit) -> None:
    page = visit(server)
    _asked(page, QUESTION)
    chip = page.locator("button.citation").first
    chip.click()

    mark = page.locator("#evidence mark")
    expect(mark).to_be_visible()
    assert mark.inner_text() in page.locator(".answer .text").inner_text()
    assert page.locator("#evidence").get_by_text(re.compile(r"\.md$")).is_visible()

    page.keyboard.press("Escape")
    expect(page.locator("#evidence")).to_be_hidden()
    expect(chip).to_be_focused()


def test_sources_open_the_same_panel_and_its_button_closes_it(server: str, visit: Visit) -> None:
    page = visit(server)
    _asked(page, QUESTION)
    source = page.locator(".sources .source").first
    source.click()
    expect(page.locator("#evidence")).to_be_visible()

    page.get_by_role("button", name="Close").click()
    expect(page.locator("#evidence")).to_be_hidden()
    expect(source).to_be_focused()


def test_an_off_topic_question_is_not_in_the_documents(server: str, visit: Visit) -> None:
    page = visit(server)
    _asked(page, OFF_TOPIC, "abstained")

    expect(page.get_by_text("Not in the documents").first).to_be_visible()
    page.get_by_text("Nearest passages looked at").click()
    page.locator(".abstention .source").first.click()
    expect(page.locator("#evidence blockquote")).to_be_visible()
    expect(page.locator("#evidence mark")).to_have_count(0)


def test_a_whole_session_stays_on_its_origin_and_complains_of_nothing(server: str, visit: Visit, watch: Watch) -> None:
    page = visit(server)
    _asked(page, QUESTION)
    _ask(page, HOSTILE)
    expect(page.locator(".question").last).to_have_text(HOSTILE)
    expect(page.locator("#send")).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_timeout(300)

    assert page.locator("#transcript :is(img, script, .katex)").count() == 0
    assert [url for url in watch.requests if not url.startswith((server, "data:", "blob:"))] == []
    assert watch.complaints == []


def test_hostile_documents_are_only_text(visit: Visit, serve_doubles: ServeDoubles, watch: Watch) -> None:
    found = passage(HOSTILE, title=HOSTILE, source=HOSTILE, heading_path=(HOSTILE,))
    engine = ScriptedEngine(pieces=[HOSTILE, " [1]"])
    url = serve_doubles(PageApplication(engine, pipeline=scripted_pipeline(engine, [found])))
    page = visit(url)
    _asked(page, "What is it?")
    page.locator("button.citation").first.click()
    expect(page.locator("#evidence blockquote")).to_have_text(HOSTILE)
    page.wait_for_timeout(200)

    assert page.locator("#transcript :is(img, script, .katex), #evidence :is(img, script)").count() == 0
    assert [address for address in watch.requests if not address.startswith((url, "data:", "blob:"))] == []
    assert [said for said in watch.complaints if "dialog" in said] == []


WRITTEN = (
    "## Kettles\n\nA kettle holds **four litres**. [1]\n\nCopper pans conduct heat seven times better.\n\n"
    "```py\nx = y[1]\nz = 2\n```\n\n| Kettle | Holds |\n|---|---|\n| big | four litres [1] |\n\n" + HOSTILE
)


def test_what_a_model_writes_is_laid_out_and_its_code_can_be_copied(
    visit: Visit, serve_doubles: ServeDoubles, watch: Watch
) -> None:
    engine = ScriptedEngine(pieces=re.findall(r"\S+\s*", WRITTEN))
    parts = scripted_pipeline(engine).parts._replace(settings=Settings(engine="vllm"))
    url = serve_doubles(PageApplication(engine, pipeline=Pipeline(parts)))
    page = visit(url, permissions=["clipboard-read", "clipboard-write"])
    _asked(page, "What do kettles hold?")
    answer = page.locator(".answer .text")

    expect(answer.locator("h4")).to_have_text("Kettles")
    expect(answer.locator("strong")).to_have_text("four litres")
    expect(answer.locator("td")).to_have_text(["big", re.compile("four litres")])
    expect(answer.locator(".uncited").first).to_have_attribute("title", re.compile("No passage was cited"))
    answer.get_by_role("button", name="Copy").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "x = y[1]\nz = 2"
    assert page.locator("#transcript :is(img, script, .katex)").count() == 0
    assert [address for address in watch.requests if not address.startswith((url, "data:", "blob:"))] == []
    assert [said for said in watch.complaints if "dialog" in said] == []


def test_stop_closes_the_engine_and_keeps_what_was_said(
    visit: Visit, serve_doubles: ServeDoubles, endless: ScriptedEngine
) -> None:
    url = serve_doubles(PageApplication(endless))
    page = visit(url)
    for count in range(1, 6):
        endless.closed = threading.Event()
        _ask(page, "How long?")
        expect(page.locator(".answer")).to_have_count(count)
        expect(page.locator(".answer").last).to_contain_text("on and on and")
        page.get_by_role("button", name="Stop").click()

        expect(page.locator(".answer").last).to_have_attribute("data-phase", "stopped")
        assert endless.closed.wait(5)
        expect(page.locator(".answer").last).to_contain_text("on and on and")
        expect(page.get_by_label("Your question")).to_be_focused()


def test_closing_the_tab_closes_the_engine(visit: Visit, serve_doubles: ServeDoubles, endless: ScriptedEngine) -> None:
    url = serve_doubles(PageApplication(endless))
    page = visit(url)
    _ask(page, "How long?")
    expect(page.locator(".answer")).to_contain_text("on and")
    page.close()

    assert endless.closed.wait(10)


def test_the_next_question_can_be_typed_while_an_answer_comes(
    visit: Visit, serve_doubles: ServeDoubles, endless: ScriptedEngine
) -> None:
    url = serve_doubles(PageApplication(endless))
    page = visit(url)
    _ask(page, "How long?")
    expect(page.locator(".answer")).to_contain_text("on and")
    expect(page.get_by_label("Your question")).to_be_focused()
    _ask(page, "And then?")

    expect(page.locator("#hint")).to_contain_text("Wait for the answer")
    expect(page.get_by_label("Your question")).to_have_value("And then?")
    expect(page.locator(".question")).to_have_count(1)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#hint")).not_to_contain_text("Wait")


def test_a_new_conversation_forgets_the_old_one(server: str, visit: Visit) -> None:
    page = visit(server)
    _asked(page, QUESTION)
    page.locator("button.citation").first.click()
    page.get_by_role("button", name="New conversation").click()

    expect(page.locator(".question")).to_have_count(0)
    expect(page.locator("#evidence")).to_be_hidden()
    expect(page.get_by_text("You are talking to a machine.")).to_be_visible()


def test_shift_enter_makes_a_line_and_a_question_to_be_changed_comes_back(server: str, visit: Visit) -> None:
    page = visit(server)
    field = page.get_by_label("Your question")
    field.fill("one")
    field.press("Shift+Enter")
    page.keyboard.type("two")
    expect(field).to_have_value("one\ntwo")

    _asked(page, "why " * 1100, "refused")
    expect(page.locator("#transcript").get_by_text("Please change the question")).to_be_visible()
    expect(field).to_have_value("why " * 1100)


def test_an_empty_question_gets_a_hint(server: str, visit: Visit) -> None:
    page = visit(server)
    _ask(page, " ")

    expect(page.locator("#hint").get_by_text("Type a question first.")).to_be_visible()
    expect(page.locator(".question")).to_have_count(0)


def test_readers_hear_two_things_an_answer(server: str, visit: Visit) -> None:
    page = visit(server)
    page.evaluate(WATCH_ANNOUNCEMENTS)
    _asked(page, QUESTION)
    text = page.locator(".answer .text p").last.evaluate("p => p.firstChild.textContent.trim()")
    expect(page.locator("#announcer")).to_contain_text(text)

    *before, answer = page.evaluate("window.said")
    assert before in (["Answering"], [])  # an answer that is given again may be there before the page is drawn
    assert "[1]" not in answer
    assert page.locator("#transcript [role=log]").get_attribute("aria-busy") == "false"
    assert page.locator("#transcript [role=log]").get_attribute("aria-live") == "off"
    assert page.locator("#transcript [aria-label*='<']").count() == 0


def test_readers_hear_an_abstention_and_a_hint(server: str, visit: Visit) -> None:
    page = visit(server)
    _ask(page, " ")
    expect(page.locator("#announcer")).to_have_text("Type a question first.")
    _asked(page, OFF_TOPIC, "abstained")

    expect(page.locator("#announcer")).to_contain_text("Not in the documents.")
    expect(page.locator("#announcer")).not_to_contain_text("Nearest")
    assert page.get_by_label("Your question").get_attribute("aria-describedby") == "hint"


def test_who_scrolls_up_stays_there_while_the_answer_grows(
    visit: Visit, serve_doubles: ServeDoubles, endless: ScriptedEngine
) -> None:
    page = visit(serve_doubles(PageApplication(endless)), height=700)
    _ask(page, "How long?")
    page.wait_for_function(f"{LOG}.scrollTop > 400", timeout=PATIENCE_MS)
    page.mouse.move(600, 150)
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(500)
    before = page.evaluate(f"[{LOG}.scrollTop, {LOG}.scrollHeight]")
    page.wait_for_function(f"{LOG}.scrollHeight > {before[1]} + 50", timeout=PATIENCE_MS)
    assert page.evaluate(f"{LOG}.scrollTop") == before[0]

    page.mouse.wheel(0, 100_000)
    page.wait_for_function(f"{LOG}.scrollTop > {before[1]}", timeout=PATIENCE_MS)
    assert page.evaluate(f"{LOG}.scrollHeight - {LOG}.scrollTop - {LOG}.clientHeight") <= 30  # one line
    page.get_by_role("button", name="Stop").click()


def test_the_page_itself_does_not_scroll_and_is_english(server: str, visit: Visit) -> None:
    page = visit(server, locale="de-DE")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.evaluate("document.scrollingElement.scrollHeight - innerHeight") == 0
    _asked(page, QUESTION)

    assert page.evaluate("document.scrollingElement.scrollHeight - innerHeight") == 0
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("width", [390, 900])
def test_the_sheet_leaves_its_number_in_sight_and_a_tap_outside_closes_it(server: str, visit: Visit, width: int) -> None:
    page = visit(server, width=width, height=700)
    _asked(page, QUESTION)
    chip = page.locator("button.citation").last
    chip.click()
    number, sheet = chip.bounding_box(), page.locator("#evidence").bounding_box()
    assert number is not None
    assert sheet is not None
    assert number["y"] + number["height"] <= sheet["y"]
    expect(chip).to_have_attribute("aria-expanded", "true")

    page.mouse.click(5, sheet["y"] - 20)
    expect(page.locator("#evidence")).to_be_hidden()
    expect(chip).to_have_attribute("aria-expanded", "false")


def test_a_copied_answer_has_its_numbers_in_brackets(server: str, visit: Visit) -> None:
    page = visit(server)
    _asked(page, QUESTION)
    copied = page.evaluate(
        "(getSelection().selectAllChildren(document.querySelector('.answer .text')), getSelection().toString())"
    )

    assert re.search(r"\w[.:]? ?\[1\]", copied)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_scrolls_sideways_at_320_pixels(server: str, visit: Visit, scheme: str) -> None:
    page = visit(server, width=320, height=568, color_scheme=scheme)
    widths = [page.evaluate("document.documentElement.scrollWidth")]
    _asked(page, QUESTION)
    widths.append(page.evaluate("document.documentElement.scrollWidth"))
    page.locator("button.citation").first.click()
    widths.append(page.evaluate("document.documentElement.scrollWidth"))

    assert widths == [320, 320, 320]
    box = page.locator("button.citation").first.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 24
