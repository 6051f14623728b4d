"""What can open a connection is imported in few modules, each with its reason. A URL that a person or a page gives goes through
the fetcher; a client in a new place fails here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "chatbot").rglob("*.py"))
}

CLIENTS = {
    *("aiohttp", "gradio_client", "http.client", "httpcore", "httpx", "httpx2", "httpcore2", "httptools", "huggingface_hub"),
    *("niquests", "pycurl", "requests", "safehttpx", "urllib.request", "urllib3", "websocket", "websockets", "xmlrpc.client"),
    *("ftplib", "imaplib", "nntplib", "poplib", "smtplib", "socket", "telnetlib", "langchain_community"),
}
OPENERS = {"create_connection", "open_connection", "open_unix_connection", "urlopen", "urlretrieve"}
"""Of asyncio, its event loop, socket and urllib: connections without a client."""

MAY_CONNECT = {
    "chatbot.knowledge.fetching.connections": {"httpcore", "socket"},  # the fetcher's: to addresses that were checked
    "chatbot.knowledge.indexes.chroma_server": {"httpx", "socket"},  # to the configured Chroma server, for its own client
    "chatbot.engines.vllm_http": {"aiohttp"},  # to the configured vLLM server
    "chatbot.apps.remote": {"httpx"},  # to the serving process, over loopback
    "chatbot.engines.planner.hub": {"huggingface_hub"},  # the model hub's own client
    "chatbot.encoders.weights": {"huggingface_hub"},
    "chatbot.apps.doctor": {"socket", "create_connection"},  # looks whether something listens on our port
    "chatbot.apps.server": {"socket"},  # listens
}


def imported_clients(source: str) -> set[str]:
    """Clients that a module reaches: by an import wherever in it, a name given to `import_module`, or an opener's call."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        for name in _names(node):
            found |= {client for client in CLIENTS if name == client or name.startswith(f"{client}.")}
        if isinstance(node, ast.Attribute) and node.attr in OPENERS:
            found.add(node.attr)
    return found


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return [str(node.args[0].value)] if called in {"import_module", "__import__"} else []
    return []


@pytest.mark.parametrize("module", MODULES)
def test_no_http_client_is_made_outside_the_modules_that_may(module: str) -> None:
    assert imported_clients(MODULES[module].read_text(encoding="utf-8")) == MAY_CONNECT.get(module, set())


def test_every_module_that_may_exists() -> None:
    assert MAY_CONNECT.keys() <= MODULES.keys()


@pytest.mark.parametrize(
    ("source", "client"),
    [
        ("import httpx\nhttpx.get('http://x')", "httpx"),
        ("import httpx as h", "httpx"),
        ("from httpx import AsyncClient", "httpx"),
        ("def f():\n    import urllib.request", "urllib.request"),
        ("from urllib import request", "urllib.request"),
        ("from urllib.request import urlopen as harmless", "urllib.request"),
        ("from http import client", "http.client"),
        ("import importlib\nimportlib.import_module('requests')", "requests"),
        ("__import__('aiohttp').ClientSession()", "aiohttp"),
        ("import asyncio\nasyncio.open_connection('x', 80)", "open_connection"),
        ("async def f(loop):\n    await loop.create_connection(None, 'x', 80)", "create_connection"),
    ],
)
def test_a_client_is_seen_however_it_comes_in(source: str, client: str) -> None:
    assert imported_clients(source) == {client}


def test_what_only_reads_urls_is_no_client() -> None:
    assert (
        imported_clients("from urllib.parse import quote\nfrom urllib.robotparser import RobotFileParser\nimport http") == set()
    )
