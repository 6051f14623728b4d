"""The documents of the web chat in a real browser: adding, reading verdicts, removing, by keyboard and on a phone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import Visit, Watch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:gradio"),  # Gradio uses pandas in an old way
]

PATIENCE_MS = 60_000
HOSTILE = '<img src=x onerror="alert(1)">.md'


def opened(page: Page) -> Page:
    page.get_by_role("button", name="Documents", exact=True).click()
    expect(page.get_by_role("dialog", name="Documents")).to_be_visible()
    expect(page.locator("#documents tbody tr").first).to_be_visible(timeout=PATIENCE_MS)
    return page


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_is_added_found_in_the_table_and_removed(server: str, visit: Visit, watch: Watch, tmp_path: Path) -> None:
    page = opened(visit(server))
    files = [written(tmp_path, "orchard.md", "# Orchard\n\nThe old orchard has 31 pear trees."), written(tmp_path, "no.pdf", "x")]
    page.get_by_label("Choose files to add").set_input_files(files)
    jobs = page.locator("#documents .job")
    expect(jobs.last).to_contain_text("Added.", timeout=PATIENCE_MS)
    expect(jobs.first).to_contain_text("Cannot be read: named .pdf, but its content is not", timeout=PATIENCE_MS)

    page.get_by_label("Find a document").fill("orchard")
    row = page.locator("#documents tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Ready")
    row.get_by_role("button", name="Remove orchard.md").click()
    expect(row).to_contain_text("Really remove?")
    row.get_by_role("button").click()
    expect(row).to_have_count(0, timeout=PATIENCE_MS)
    assert watch.complaints == []


def test_an_address_that_is_refused_says_why(server: str, visit: Visit) -> None:
    page = opened(visit(server))
    page.get_by_label("Address of a page or sitemap").fill("http://127.0.0.1:8080/")
    page.keyboard.press("Enter")
    expect(page.locator("#documents .job")).to_contain_text("not on the public internet", timeout=PATIENCE_MS)


def test_the_keyboard_is_enough(server: str, visit: Visit) -> None:
    page = visit(server)
    page.get_by_role("button", name="Documents", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Documents")).to_be_visible()
    reached: list[str] = []
    for _ in range(7):
        reached.append(
            page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent || document.activeElement.type")
        )
        page.keyboard.press("Tab")
    assert reached[:3] == ["Close", "Choose files to add", "url"]
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Documents", exact=True)).to_be_focused()


def test_a_name_is_text_whatever_it_holds(server: str, visit: Visit, watch: Watch, tmp_path: Path) -> None:
    page = opened(visit(server))
    page.get_by_label("Choose files to add").set_input_files(
        [{"name": HOSTILE, "mimeType": "text/plain", "buffer": b"# Pears\n\nPears are sweet."}]
    )
    expect(page.locator("#documents .job")).to_contain_text("Added.", timeout=PATIENCE_MS)
    assert page.locator("#documents img").count() == 0
    assert watch.complaints == []


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_runs_out_of_the_page(server: str, visit: Visit, width: int) -> None:
    page = opened(visit(server, width=width, height=760))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.get_by_role("dialog").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    every = "[...document.querySelectorAll('#documents *')]"
    wide = f"{every}.filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1).length"
    assert page.evaluate(wide) == 0


def test_where_others_reach_the_page_there_is_no_button() -> None:
    from chatbot.settings import Settings

    assert Settings().is_private
    assert not Settings(allowed_hosts=("chat.example",)).is_private
    assert re.fullmatch(r"\S+", Settings().host)
