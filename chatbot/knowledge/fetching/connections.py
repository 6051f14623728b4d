"""One GET over one connection, to an address that was checked before: the client never sees a name that it could resolve again.

httpcore, and not the httpx around it: it keeps no cookies, follows no redirect, reads no proxy from the environment and unpacks
nothing. Its errors become ours here.
"""

from __future__ import annotations

import queue
import re
import socket
import ssl
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import NamedTuple, Protocol

import certifi
import httpcore

from chatbot.errors import FetchFailed
from chatbot.knowledge.fetching.addresses import Address
from chatbot.knowledge.fetching.clock import Clock
from chatbot.knowledge.fetching.urls import Url

_NOBODYS = ip_address("192.0.2.1")
"""Of a network that is for documentation only."""


class Network(Protocol):
    """How names become addresses, and addresses connections."""

    def resolve(self, host: str) -> Sequence[Address]:
        """Every address of a host.

        Raises:
            OSError: the name is not known, or nobody can be asked.
        """
        ...

    def owns(self, address: Address) -> bool:
        """True if it is one of this machine's own, where what is closed to the world may be open."""
        ...

    def connect(self, address: Address, port: int, timeout_s: float) -> httpcore.NetworkStream:
        """A TCP connection to exactly this address.

        Raises:
            httpcore.ConnectError: nothing accepts it.
            httpcore.ConnectTimeout: nor in that time.
        """
        ...


class SystemNetwork:
    """The operating system's resolver and sockets."""

    def resolve(self, host: str) -> Sequence[Address]:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [ip_address(str(place[0])) for *_, place in found]

    def owns(self, address: Address) -> bool:
        # a system may let any address be bound, and then this says nothing
        return _can_bind(address) and not _can_bind(_NOBODYS)

    def connect(self, address: Address, port: int, timeout_s: float) -> httpcore.NetworkStream:
        return httpcore.SyncBackend().connect_tcp(str(address), port, timeout_s)


def _can_bind(address: Address) -> bool:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


class Reply(NamedTuple):
    """A response whose body has not been read."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of several with one name the last."""
    pieces: Iterator[bytes]
    """The body as it comes; to be read inside the context only."""
    address: Address
    """That which answered."""


def resolve(network: Network, host: str, clock: Clock) -> list[Address]:
    """Ask once for every address of a host.

    Raises:
        FetchFailed: there is none, or no answer in time.
    """
    answers: queue.SimpleQueue[list[Address] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(dict.fromkeys(network.resolve(host))))
        except OSError as error:
            answers.put(error)

    # the system's resolver takes no deadline; a thread that outlives it holds nothing and ends by itself
    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=clock.left(host))
    except queue.Empty as error:
        raise clock.passed(host) from error
    if isinstance(answer, OSError):
        raise FetchFailed(
            f"the address of {host} cannot be found ({answer.strerror}); check the spelling and the network"
        ) from answer
    if not answer:
        raise FetchFailed(f"{host} has no address; check the spelling")
    return answer


@contextmanager
def get(
    url: Url, addresses: Sequence[Address], headers: Mapping[str, str], tls: ssl.SSLContext | None, network: Network, clock: Clock
) -> Generator[Reply]:
    """Ask one of the addresses for `url`; the name goes into the Host header and TLS only.

    Raises:
        FetchFailed: nothing answers in time, or what answers breaks off or speaks no HTTP; while the body is read, too.
    """
    backend = _Pinned(url.host, addresses, network, clock)
    request = httpcore.Request(
        "GET",
        httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target),
        headers={"Host": url.authority, **headers},
    )
    try:
        with httpcore.ConnectionPool(ssl_context=tls, max_connections=1, network_backend=backend) as pool:
            response = pool.handle_request(request)
            clock.reading()
            try:
                yield Reply(response.status, _headers(response.headers), response.iter_stream(), backend.address)
            finally:
                response.close()
    except httpcore.TimeoutException as error:
        raise clock.passed(url.host) from error
    except httpcore.ConnectError as error:
        raise FetchFailed(f"{url.host} cannot be connected to ({_why(error)}); try again later") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise FetchFailed(f"{url.host} broke off or speaks no HTTP ({_why(error)}); try again later") from error


def trusted() -> ssl.SSLContext:
    """The system's certificate authorities and Mozilla's: small containers have none of their own."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class _Pinned(httpcore.NetworkBackend):
    """Connects to the addresses it was made for, whatever host it is asked for."""

    def __init__(self, host: str, addresses: Sequence[Address], network: Network, clock: Clock) -> None:
        self._host = host
        self._addresses = addresses
        self._network = network
        self._clock = clock
        self.address = addresses[0]
        """That which was connected to last."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        *others, last = self._addresses
        for tried, address in enumerate(others):
            try:
                return self._connected(address, port, len(self._addresses) - tried)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connected(last, port, 1)

    def _connected(self, address: Address, port: int, candidates: int) -> httpcore.NetworkStream:
        # an address that drops packets must not use up the time of those after it
        stream = self._network.connect(address, port, self._clock.left(self._host) / candidates)
        self.address = address
        return _Timed(stream, self._host, self._clock)


class _Timed(httpcore.NetworkStream):
    """A connection whose every wait ends with the clock: of a server that drips, each single read is quick."""

    def __init__(self, stream: httpcore.NetworkStream, host: str, clock: Clock) -> None:
        self._stream = stream
        self._host = host
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.left(self._host))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._clock.asking()
        self._stream.write(buffer, self._clock.left(self._host))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._clock.left(self._host))
        return _Timed(secured, self._host, self._clock)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _headers(pairs: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("ascii").lower(): value.decode("utf-8", errors="replace") for name, value in pairs}


def _why(error: Exception) -> str:
    """The system's words without its numbers and OpenSSL's line of source."""
    return re.sub(r"^\[[^]]*\] | \(_ssl\.c:\d+\)$", "", str(error)) or "without a reason"
