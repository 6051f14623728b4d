"""A Chroma server in the place of the embedded one: how it is reached, and which of its collections are ours.

It has no accounts, and known holes that are not closed (GHSA-f4j7-r4q5-qw2c, GHSA-36p7-vc44-83pf): whoever reaches it owns it. So
its address must be private, and it is given vectors only, never the configuration of an embedding function.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from chromadb.api.fastapi import FastAPI
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings, System

from chatbot.errors import IndexDamaged, IndexUnavailable, SettingsError
from chatbot.knowledge.fetching import addresses
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.sections import ChromaSettings

_CONNECT_S = 5
_ANSWER_S = 60
"""A batch of some thousand vectors takes seconds."""
_ID = "id"
"""A note in the catalogue, which tells it from others."""
_AWAY = {429, 502, 503, 504}


class Place(NamedTuple):
    """Where one generation's vectors are."""

    client: Any
    collection: str


class ChromaServer:
    """Collections of one catalogue on a server that others may use too."""

    def __init__(self, settings: ChromaSettings, catalogue: Catalogue) -> None:
        """Nothing is connected to yet."""
        self._settings = settings
        if not (known := catalogue.meta(_ID)):
            catalogue.set_meta(**{_ID: (known := secrets.token_hex(8))})
        self._prefix = f"chatbot-{known}-"

    def place(self, folder: Path) -> Place:
        """The collection of the generation whose other files lie in `folder`, which bears its number.

        Raises:
            SettingsError: the server's address is public.
            IndexUnavailable: it does not answer.
        """
        return Place(self._connected(), f"{self._prefix}{folder.name}")

    def sweep(self, kept: Iterable[Path]) -> None:
        """Delete the collections of all generations but some.

        Raises:
            IndexUnavailable: the server does not answer.
        """
        client = self._connected()
        names = {f"{self._prefix}{folder.name}" for folder in kept}
        for collection in client.list_collections():
            if collection.name.startswith(self._prefix) and collection.name not in names:
                client.delete_collection(collection.name)
        client.close()

    def _connected(self) -> Connection:
        url = urlsplit(self._settings.url)
        host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 8000)
        if not self._settings.allow_public:
            _check_private(host)
        return Connection(
            Settings(
                chroma_api_impl="chromadb.api.fastapi.FastAPI",
                chroma_server_host=host if ":" not in host else f"[{host}]",
                chroma_server_http_port=port,
                chroma_server_ssl_enabled=url.scheme == "https",
                anonymized_telemetry=False,
            )
        )


class Connection:
    """What is used of Chroma's own client, which would connect before its waiting could be bounded."""

    def __init__(self, settings: Settings) -> None:
        self._api: Any = _BoundedApi(System(settings))
        self.get_max_batch_size = self._api.get_max_batch_size
        self.list_collections = self._api.list_collections
        self.delete_collection = self._api.delete_collection
        self.close = self._api._session.close

    def get_or_create_collection(self, name: str, embedding_function: None, configuration: Any) -> Collection:
        model = self._api.get_or_create_collection(name, configuration=configuration)
        return Collection(client=self._api, model=model, embedding_function=embedding_function)


class _BoundedApi(FastAPI):
    """Chroma's own HTTP client waits for ever, and goes through any proxy that the environment names."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self._session.close()
        timeout = httpx.Timeout(_ANSWER_S, connect=_CONNECT_S)
        self._session = _Session(timeout=timeout, limits=self.http_limits, headers=self._header, trust_env=False)


class _Session(httpx.Client):
    """Raises errors of ours, where Chroma's client would raise a bare `Exception`."""

    def request(self, method: str, url: httpx.URL | str, **kwargs: Any) -> httpx.Response:
        server = str(url).partition("/api/")[0]
        try:
            response = super().request(method, url, **kwargs)
        except httpx.HTTPError as error:
            raise _away(server, str(error) or type(error).__name__) from error
        if response.status_code in _AWAY:
            raise _away(server, f"HTTP {response.status_code}")
        if response.is_error:
            raise IndexDamaged(f"Chroma answers HTTP {response.status_code}: {response.text[:200]}")
        return response


def _away(server: str, said: str) -> IndexUnavailable:
    return IndexUnavailable(f"the Chroma server at {server} does not answer ({said}); see that it runs, then try again")


def _check_private(host: str) -> None:
    try:
        found = {ip_address(host)}
    except ValueError:
        found = _resolved(host)
    public = sorted(str(address) for address in found if not addresses.special(address))
    if public:
        raise SettingsError(
            f"the Chroma server {host!r} has the public address {public[0]}, and whoever reaches such a server owns it: put it "
            "into a private network, or set CHATBOT_CHROMA__ALLOW_PUBLIC=true where something else keeps others away"
        )


def _resolved(host: str) -> set[addresses.Address]:
    try:
        return {ip_address(str(place[0])) for *_, place in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise IndexUnavailable(
            f"the address of the Chroma server {host!r} cannot be found ({error.strerror}); mend CHATBOT_CHROMA__URL"
        ) from error
