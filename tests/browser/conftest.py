"""A real Chromium, the real server in a process of its own, and a log of what a page does that it should not."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pages import PATIENCE_S, PageApplication, serving_page, wait_for_page
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Watch:
    """What a page asked for and complained about."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


Visit = Callable[..., Page]
ServeDoubles = Callable[[PageApplication], str]


def _chromium() -> str | None:
    for candidate in (os.environ.get("CHROMIUM"), "/usr/bin/chromium"):
        if candidate and (found := shutil.which(candidate)):
            return found
    return None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with its module: Playwright keeps an event loop running, beside which no async test can run."""
    executable = _chromium()
    if executable is None:
        pytest.skip("no Chromium: set CHROMIUM to its path, or install it at /usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, models: Path, browser: Browser) -> Iterator[str]:
    """The URL of `chatbot serve`, started as a person starts it."""
    folder = tmp_path_factory.mktemp("serve")
    shutil.copytree(models, folder / "data" / "models")
    with subprocess.Popen(
        [sys.executable, "-m", "chatbot", "serve", "--port", "0"],
        cwd=folder,
        env={**os.environ, "CHATBOT_DATA_DIR": str(folder / "data"), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            url = _announced(process)
            wait_for_page(url)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def serve_doubles() -> Iterator[ServeDoubles]:
    """Serves the web chat over doubles; gives the URL."""
    with contextlib.ExitStack() as stack:
        yield lambda application: stack.enter_context(serving_page(application))


@pytest.fixture
def visit(browser: Browser, watch: Watch, serve_doubles: object) -> Iterator[Visit]:
    """Opens a page in a context of its own; all are closed before any server is, which they would hold up."""
    contexts: list[BrowserContext] = []

    def open_page(url: str, width: int = 1200, height: int = 800, **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: watch.requests.append(request.url))
        page.on("pageerror", lambda error: watch.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (watch.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda said: watch.complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.goto(url)
        page.get_by_label("Your question").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()


def _announced(process: subprocess.Popen[str]) -> str:
    """The URL in the server's first lines; reads on, so that the pipe never fills."""
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=lambda: [lines.put(line) for line in process.stdout or ()], daemon=True).start()
    said, deadline = "", time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        said += lines.get(timeout=PATIENCE_S)
        if found := re.search(r"http://127\.0\.0\.1:\d+", said):
            return found.group()
    raise AssertionError(f"the server named no address: {said}")
