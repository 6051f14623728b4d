"""A small internet on loopback: names, addresses that are public in name only, servers behind them, and a canary."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

import httpcore

from chatbot.knowledge.fetching.addresses import Address
from chatbot.knowledge.fetching.connections import SystemNetwork

PUBLIC = "93.184.216.34"
"""An address of the public internet; nothing in a test ever reaches the real one."""

Pieces = Iterable[bytes]


def response(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A response as bytes; of a header's name, `_` stands for `-`."""
    given = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"HTTP/1.1 {status} .\r\n{head}Connection: close\r\n\r\n".encode() + body


def page(body: str = "<p>Cats purr.</p>", **headers: str) -> bytes:
    return response(200, body.encode(), **{"Content_Type": "text/html", **headers})


def redirect(location: str, status: int = 302) -> bytes:
    return response(status, Location=location)


class Server(ThreadingHTTPServer):
    """Answers with what `routes` holds for a path, or what the function there makes of the request's headers."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.routes: dict[str, bytes | Callable[[dict[str, str]], Pieces]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        """Path and headers of every request, names in lower case."""
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.path, headers))
        found = self.server.routes.get(self.path, response(404))
        for piece in [found] if isinstance(found, bytes) else found(headers):
            self.wfile.write(piece)
            self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


class Canary:
    """Listens on 127.0.0.1 and ::1, on one port, and counts who connects."""

    def __init__(self) -> None:
        self.seen = 0
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port: int = self._sockets[0].getsockname()[1]
        self._sockets.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for listening in self._sockets:
            threading.Thread(target=self._listen, args=[listening], daemon=True).start()

    def close(self) -> None:
        for listening in self._sockets:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()

    def _listen(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self.seen += 1
            connection.close()


class Internet:
    """A network where `PUBLIC` and what is in `routed` is a server on loopback, and every other address is what it is.

    A name that is not in `names` is the canary's: a name nobody foresaw leads to the worst place.
    """

    def __init__(self, server: Server) -> None:
        self.names: dict[str, Callable[[], Sequence[str]]] = {}
        self.routed: dict[str, Server] = {PUBLIC: server}
        self.resolved: list[str] = []
        self.connected: list[str] = []
        """Every address that was connected to, in order."""
        self.own: set[str] = set()

    def resolve(self, host: str) -> Sequence[Address]:
        self.resolved.append(host)
        return [ip_address(address) for address in self.names.get(host, lambda: ["127.0.0.1", "::1"])()]

    def owns(self, address: Address) -> bool:
        return str(address) in self.own

    def connect(self, address: Address, port: int, timeout_s: float) -> httpcore.NetworkStream:
        self.connected.append(str(address))
        server = self.routed.get(str(address))
        place = (ip_address("127.0.0.1"), server.server_port) if server else (address, port)
        return SystemNetwork().connect(*place, timeout_s)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def canary() -> Iterator[Canary]:
    bird = Canary()
    try:
        yield bird
    finally:
        bird.close()
