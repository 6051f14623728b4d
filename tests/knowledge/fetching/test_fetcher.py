"""The fetcher against real servers on loopback: what it asks for, what it takes, what it refuses, and where it never connects."""

from __future__ import annotations

import gzip
import itertools
import ssl
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
import trustme
from internet import PUBLIC, Canary, Internet, Server, canary, page, redirect, response, serving

import chatbot
from chatbot.errors import DocumentGone, DocumentRefused, FetchFailed, UrlRefused
from chatbot.knowledge.fetching.connections import SystemNetwork
from chatbot.knowledge.fetching.fetched import Conditional, Fetched, NotModified
from chatbot.knowledge.fetching.fetcher import Fetcher
from chatbot.sections import FetchSettings

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def internet(server: Server) -> Internet:
    internet = Internet(server)
    internet.names["example.org"] = lambda: [PUBLIC]
    return internet


@pytest.fixture
def bird() -> Iterator[Canary]:
    with canary() as bird:
        yield bird


def here(**settings: object) -> Fetcher:
    """A fetcher that may reach this machine."""
    return Fetcher(FetchSettings.model_validate({"allow_private": ("127.0.0.0/8",), "pause_s": 0, **settings}))


def on(internet: Internet, *allowed: str, tls: ssl.SSLContext | None = None) -> Fetcher:
    return Fetcher(FetchSettings(pause_s=0, allow_private=allowed), internet, tls)


def fetched(fetcher: Fetcher, url: str, known: Conditional | None = None) -> Fetched:
    found = fetcher.fetch(url, known)
    assert isinstance(found, Fetched)
    return found


def test_a_page_comes_with_what_the_next_fetch_needs(server: Server) -> None:
    server.routes["/cats"] = page(ETag='"1"', Last_Modified="Mon, 01 Jun 2026 00:00:00 GMT")
    found = fetched(here(), f"{server.url}/cats#paws")
    assert found == Fetched(
        f"{server.url}/cats", b"<p>Cats purr.</p>", "text/html", '"1"', "Mon, 01 Jun 2026 00:00:00 GMT", suffix="html"
    )
    assert found.known == Conditional(found.url, '"1"', "Mon, 01 Jun 2026 00:00:00 GMT")


def test_it_says_who_it_is_and_nothing_else(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.routes["/"] = page(Set_Cookie="session=1")
    server.routes["/again"] = redirect("/")
    fetcher = here()
    fetcher.fetch(f"{server.url}/")
    fetcher.fetch(f"{server.url}/again")
    assert [headers for _, headers in server.asked] == 3 * [
        {
            "host": server.url.removeprefix("http://"),
            "user-agent": f"chatbot/{chatbot.__version__}",
            "accept": "*/*",
            "accept-encoding": "gzip",
        }
    ]


def test_an_unchanged_page_is_not_sent_again(server: Server) -> None:
    server.routes["/"] = lambda headers: [response(304) if headers.get("if-none-match") == '"1"' else page(ETag='"1"')]
    first = fetched(here(), server.url)
    assert here().fetch(server.url, first.known) == NotModified(first.url)
    assert fetched(here(), server.url, Conditional(first.url, '"0"')).content == first.content


def test_a_page_without_an_etag_is_compared_by_its_date(server: Server) -> None:
    date = "Mon, 01 Jun 2026 00:00:00 GMT"
    server.routes["/"] = lambda headers: [response(304) if headers.get("if-modified-since") == date else page(Last_Modified=date)]
    assert isinstance(here().fetch(server.url, fetched(here(), server.url).known), NotModified)


def test_the_marks_of_one_page_are_not_sent_to_another(server: Server) -> None:
    server.routes |= {"/old": redirect("/new"), "/new": page(ETag='"1"')}
    here().fetch(f"{server.url}/old", Conditional(f"{server.url}/former", '"1"'))
    assert not any("if-none-match" in headers for _, headers in server.asked)


def test_an_answer_that_nothing_changed_is_not_believed_unasked(server: Server) -> None:
    server.routes["/"] = response(304)
    with pytest.raises(FetchFailed, match="status 304"):
        here().fetch(server.url)


@pytest.mark.parametrize("etag", ["x" * 1001, "caf\xe9"])
def test_a_mark_that_cannot_be_sent_back_is_dropped(server: Server, etag: str) -> None:
    server.routes["/"] = page(ETag=etag)
    assert fetched(here(), server.url).etag == ""


@pytest.mark.parametrize(
    ("kind", "path", "suffix"),
    [
        ("text/html; charset=utf-8", "/", "html"),
        ("Text/HTML", "/page.md", "html"),
        ("application/xhtml+xml", "/", "html"),
        ("text/markdown", "/", "md"),
        ("text/plain", "/", "txt"),
        ("text/plain", "/readme.md", "md"),
        ("text/plain", "/page.html", "txt"),
        ("application/pdf", "/", "pdf"),
        (WORD, "/", "docx"),
        ("application/octet-stream", "/report.PDF", "pdf"),
        ("", "/report.docx?v=2", "docx"),
    ],
)
def test_the_type_names_the_format_and_the_path_helps_where_it_says_nothing(
    server: Server, kind: str, path: str, suffix: str
) -> None:
    server.routes[path] = response(200, b"x", **({"Content_Type": kind} if kind else {}))
    assert fetched(here(), server.url + path).suffix == suffix


@pytest.mark.parametrize(
    ("kind", "path"),
    [("image/png", "/a.pdf"), ("image/png", "/a.htm"), ("application/x-dvi", "/"), ("", "/"), ("video/mp4", "/a.mp4")],
)
def test_what_no_format_reads_is_refused_before_it_is_read(server: Server, kind: str, path: str) -> None:
    server.routes[path] = response(200, b"x", **({"Content_Type": kind} if kind else {}))
    with pytest.raises(DocumentRefused, match=r"which no format reads; there are: .*pdf"):
        here().fetch(server.url + path)


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (404, DocumentGone, "there is nothing at"),
        (410, DocumentGone, "there is nothing at"),
        (401, FetchFailed, "without a login"),
        (403, FetchFailed, "without a login"),
        (451, DocumentRefused, "refused by its server"),
        (429, FetchFailed, "try again later"),
        (500, FetchFailed, "try again later"),
        (503, FetchFailed, "try again later"),
        (204, FetchFailed, "status 204"),
    ],
)
def test_a_page_that_is_gone_is_told_from_a_server_that_is_ill(
    server: Server, status: int, error: type[Exception], says: str
) -> None:
    server.routes["/"] = response(status)
    with pytest.raises(error, match=says):
        here().fetch(server.url)


def test_a_packed_page_is_unpacked(server: Server) -> None:
    two_members = gzip.compress(b"Cats ", mtime=0) + gzip.compress(b"purr.", mtime=0)
    server.routes["/"] = response(200, two_members, Content_Type="text/plain", Content_Encoding="gzip")
    assert fetched(here(), server.url).content == b"Cats purr."


def test_a_bomb_is_not_unpacked(server: Server) -> None:
    bomb = gzip.compress(bytes(50 * 2**20))
    server.routes["/"] = response(200, bomb, Content_Type="text/plain", Content_Encoding="gzip")
    with pytest.raises(DocumentRefused, match="larger than 1,000,000 bytes"):
        here(max_bytes=1_000_000).fetch(server.url)


@pytest.mark.parametrize("packed", [gzip.compress(b"Cats purr.", mtime=0)[:-4], b"no gzip at all"])
def test_damaged_packing_is_said(server: Server, packed: bytes) -> None:
    server.routes["/"] = response(200, packed, Content_Type="text/plain", Content_Encoding="gzip")
    with pytest.raises(FetchFailed, match="gzip is (cut off|damaged)"):
        here().fetch(server.url)


def test_packing_that_was_not_asked_for_is_refused(server: Server) -> None:
    server.routes["/"] = page(Content_Encoding="br")
    with pytest.raises(DocumentRefused, match="packed as 'br'"):
        here().fetch(server.url)


def test_a_page_that_says_it_is_too_large_is_not_read(server: Server) -> None:
    server.routes["/"] = response(200, b"x", Content_Type="text/plain", Content_Length="101")
    with pytest.raises(DocumentRefused, match="it has 101 bytes, and 100 may be fetched"):
        here(max_bytes=100).fetch(server.url)


def test_a_page_that_does_not_say_how_large_it_is_is_cut(server: Server) -> None:
    sent = 0

    def endless(_: dict[str, str]) -> Iterator[bytes]:
        nonlocal sent
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
        while True:
            sent += 1
            yield bytes(2**16)

    server.routes["/"] = endless
    with pytest.raises(DocumentRefused, match="larger than 1,000,000 bytes"):
        here(max_bytes=1_000_000).fetch(server.url)
    assert sent < 1000


def test_a_page_that_breaks_off_is_no_page(server: Server) -> None:
    server.routes["/"] = response(200, b"Cats", Content_Type="text/plain", Content_Length="100")
    with pytest.raises(FetchFailed, match="broke off"):
        here().fetch(server.url)


def test_what_is_no_http_is_said(server: Server) -> None:
    server.routes["/"] = b"SSH-2.0-OpenSSH\r\n"
    with pytest.raises(FetchFailed, match="speaks no HTTP"):
        here().fetch(server.url)


def drip(*first: bytes) -> Iterator[bytes]:
    yield from first
    for _ in range(100):
        time.sleep(0.05)
        yield b"x"


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"", "did not begin to answer within 0.3 s"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", "did not finish within 0.6 s"),
    ],
)
def test_a_slow_drip_is_cut(server: Server, head: bytes, says: str) -> None:
    server.routes["/"] = lambda _: drip(head)
    begun = time.monotonic()
    with pytest.raises(FetchFailed, match=says):
        here(first_byte_s=0.3, total_s=0.6).fetch(server.url)
    assert time.monotonic() - begun < 2


def test_the_total_counts_over_all_redirects(server: Server) -> None:
    def slow(_: dict[str, str]) -> Iterator[bytes]:
        time.sleep(0.25)
        yield redirect("/")

    server.routes["/"] = slow
    with pytest.raises(FetchFailed, match="did not finish within 0.6 s"):
        here(total_s=0.6).fetch(server.url)


def test_a_resolver_that_is_silent_is_not_waited_for(internet: Internet) -> None:
    silent = threading.Event()
    internet.names["example.org"] = lambda: [PUBLIC] if silent.wait(5) else []
    with pytest.raises(FetchFailed, match=r"example.org did not accept a connection within 0.2 s"):
        Fetcher(FetchSettings(pause_s=0, connect_s=0.2), internet).fetch("http://example.org/")
    silent.set()


def test_a_name_that_does_not_exist_is_said(internet: Internet) -> None:
    def unknown() -> list[str]:
        raise OSError(-2, "Name or service not known")

    internet.names["example.org"] = unknown
    with pytest.raises(FetchFailed, match=r"the address of example.org cannot be found \(Name or service not known\)"):
        on(internet).fetch("http://example.org/")


def test_a_dead_address_of_several_costs_nothing(server: Server, internet: Internet) -> None:
    server.routes["/"] = page()
    with serving() as gone:
        internet.routed["9.9.9.9"] = gone
    internet.names["example.org"] = lambda: ["9.9.9.9", PUBLIC]
    assert fetched(on(internet), "http://example.org/").suffix == "html"
    assert internet.connected == ["9.9.9.9", PUBLIC]


def test_five_redirects_are_followed_and_six_are_not(server: Server) -> None:
    server.routes |= {f"/{n}": redirect(f"/{n + 1}", (301, 302, 303, 307, 308)[n % 5]) for n in range(6)} | {"/6": page()}
    assert fetched(here(), f"{server.url}/1").url == f"{server.url}/6"
    with pytest.raises(UrlRefused, match="redirects more than 5 times"):
        here().fetch(f"{server.url}/0")


def test_a_redirect_without_a_place_is_said(server: Server) -> None:
    server.routes["/"] = response(302)
    with pytest.raises(FetchFailed, match="without saying where to"):
        here().fetch(server.url)


def test_a_page_cannot_send_us_anywhere(server: Server, internet: Internet, bird: Canary) -> None:
    target = f"http://127.0.0.1:{bird.port}/"
    server.routes["/"] = page(f'<meta http-equiv=refresh content="0;url={target}"><img src={target}>', Refresh=f"0;url={target}")
    assert fetched(on(internet), "http://example.org/").url == "http://example.org/"
    assert (bird.seen, internet.connected) == (0, [PUBLIC])


def test_one_private_address_among_public_ones_is_enough_to_refuse(internet: Internet, bird: Canary) -> None:
    internet.names["example.org"] = lambda: [PUBLIC, "::1"]
    with pytest.raises(
        UrlRefused, match=r"leads to ::1, which is not on the public internet \(loopback\).*for the server if one runs"
    ):
        on(internet).fetch(f"http://example.org:{bird.port}/")
    assert internet.connected == []


def test_a_resolver_that_changes_its_mind_never_leads_inside(server: Server, internet: Internet, bird: Canary) -> None:
    answers = itertools.cycle([[PUBLIC], ["127.0.0.1"]])
    internet.names["example.org"] = lambda: next(answers)
    server.routes["/"] = page()
    fetcher, outcomes = on(internet), []
    for _ in range(1000):
        try:
            outcomes.append(fetched(fetcher, f"http://example.org:{bird.port}/").suffix)
        except UrlRefused:
            outcomes.append("refused")
    assert outcomes == ["html", "refused"] * 500
    assert len(internet.resolved) == 1000
    assert internet.connected == [PUBLIC] * 500
    assert bird.seen == 0


def test_a_name_that_changes_its_mind_between_redirects_never_leads_inside(
    server: Server, internet: Internet, bird: Canary
) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    internet.names["example.org"] = lambda: next(answers)
    server.routes["/"] = redirect("/inside")
    with pytest.raises(UrlRefused, match="'http://example.org:[0-9]+/inside' leads to 127.0.0.1"):
        on(internet).fetch(f"http://example.org:{bird.port}/")
    assert (bird.seen, internet.connected) == (0, [PUBLIC])


def test_an_address_of_this_machine_is_private_though_it_is_public(server: Server, internet: Internet) -> None:
    internet.own.add(PUBLIC)
    with pytest.raises(UrlRefused, match=r"leads to 93.184.216.34, which is not on the public internet \(of this machine\)"):
        on(internet).fetch("http://example.org/")
    assert internet.connected == []


def test_this_machine_knows_its_own_addresses() -> None:
    network = SystemNetwork()
    assert network.owns(ip_address("127.0.0.1"))
    assert not network.owns(ip_address(PUBLIC))


def test_a_public_server_sends_nobody_inside_even_where_that_is_allowed(server: Server, internet: Internet) -> None:
    internet.names["wiki.internal"] = lambda: ["127.0.0.1"]
    inside = f"http://wiki.internal:{server.server_port}"
    server.routes |= {"/out": redirect(f"{inside}/in"), "/again": redirect(f"{inside}/in"), "/in": page()}
    with pytest.raises(UrlRefused, match="a server on the public internet redirects to 'http://wiki.internal"):
        on(internet, "wiki.internal").fetch("http://example.org/out")
    assert fetched(on(internet, "wiki.internal"), f"{inside}/again").url == f"{inside}/in"


@pytest.mark.parametrize(
    ("kind", "sent", "text"),
    [
        ("text/html; charset=windows-1251", "<p>Кошки мурлычут.</p>".encode("cp1251"), "<p>Кошки мурлычут.</p>"),
        ("text/html; charset=Shift_JIS", "<p>猫は喉を鳴らす。</p>".encode("cp932"), "<p>猫は喉を鳴らす。</p>"),
        ("text/plain; charset=iso-2022-jp", "猫".encode("iso2022_jp"), "猫"),
        ("text/html; charset=utf-16le", "<p>ß</p>".encode("utf-16-le"), "<p>ß</p>"),
        # servers say Latin-1 of everything, and a page that is UTF-8 is UTF-8
        ("text/html; charset=iso-8859-1", "<p>Straße</p>".encode(), "<p>Straße</p>"),
        ("text/html; charset=iso-8859-1", "<p>Straße – 5 €</p>".encode("cp1252"), "<p>Straße – 5 €</p>"),
    ],
)
def test_a_charset_that_only_the_server_says_is_believed(server: Server, kind: str, sent: bytes, text: str) -> None:
    server.routes["/"] = response(200, sent, Content_Type=kind)
    assert fetched(here(), server.url).content.decode("utf-8-sig") == text


@pytest.mark.parametrize(
    "kind",
    [
        "text/html; charset=punycode",
        "text/html; charset=none",
        "text/html; charset=utf-16be",
        "text/html",
        "application/pdf; charset=cp1251",
    ],
)
def test_a_charset_that_is_none_or_does_not_fit_changes_nothing(server: Server, kind: str) -> None:
    server.routes["/"] = response(200, b"<p>Stra\xdfe</p>.", Content_Type=kind)
    assert fetched(here(), server.url).content == b"<p>Stra\xdfe</p>."


def test_a_host_that_is_busy_is_asked_once_more_when_it_says(server: Server) -> None:
    answers = iter([response(429, Retry_After="1"), page()])
    server.routes["/"] = lambda _: [next(answers)]
    begun = time.monotonic()
    assert fetched(here(), server.url).suffix == "html"
    assert time.monotonic() - begun >= 1


def test_a_host_that_asks_to_be_left_alone_is_left_alone(server: Server) -> None:
    server.routes |= {"/": response(503, Retry_After="3600"), "/other": page()}
    fetcher = here()
    with pytest.raises(FetchFailed, match="status 503"):
        fetcher.fetch(server.url)
    with pytest.raises(FetchFailed, match=r"127.0.0.1 asks to be left alone for another 3,\d\d\d s"):
        fetcher.fetch(f"{server.url}/other")
    assert server.paths == ["/"]


def test_a_host_has_a_pause_between_two_requests(server: Server) -> None:
    server.routes |= {"/": redirect("/a"), "/a": page()}
    begun = time.monotonic()
    here(pause_s=0.3).fetch(server.url)
    assert time.monotonic() - begun >= 0.3


def test_endless_headers_are_cut(server: Server) -> None:
    def flood(_: dict[str, str]) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            yield b"X: " + bytes(2**12).replace(b"\0", b"x") + b"\r\n"

    server.routes["/"] = flood
    with pytest.raises(FetchFailed, match="speaks no HTTP"):
        here().fetch(server.url)


def test_endless_early_words_are_cut(server: Server) -> None:
    def early(_: dict[str, str]) -> Iterator[bytes]:
        while True:
            yield b"HTTP/1.1 102 Processing\r\n\r\n"

    server.routes["/"] = early
    with pytest.raises(FetchFailed, match="did not begin to answer within 0.5 s"):
        here(first_byte_s=0.5).fetch(server.url)


@pytest.mark.parametrize("allowed", ["example.org", "EXAMPLE.org.", "127.0.0.0/8", "127.0.0.1"])
def test_a_private_place_is_reached_only_if_it_was_allowed(server: Server, internet: Internet, allowed: str) -> None:
    server.routes["/"] = page()
    internet.names["example.org"] = lambda: ["127.0.0.1"]
    url = f"http://example.org:{server.server_port}/"
    with pytest.raises(UrlRefused, match=r"to allow it on purpose, add 'example.org' or its network to fetch.allow_private"):
        on(internet, "other.example", "10.0.0.0/8").fetch(url)
    assert fetched(on(internet, allowed), url).content == b"<p>Cats purr.</p>"
    assert server.asked[0][1]["host"] == f"example.org:{server.server_port}"


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "10.0.0.300", "http://intranet", "fe80::g"])
def test_a_network_that_is_none_is_refused_with_the_settings(entry: str) -> None:
    with pytest.raises(ValueError, match="host bits|does not appear to be"):
        FetchSettings(allow_private=(entry,))


def test_a_certificate_is_checked_for_the_name_though_the_connection_goes_to_the_address() -> None:
    authority = trustme.CA()
    serves, trusts = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("example.org").configure_cert(serves)
    authority.configure_trust(trusts)
    asked_for: list[str | None] = []
    serves.sni_callback = lambda _, name, __: asked_for.append(name)
    with serving(serves) as server:
        server.routes["/"] = page()
        internet = Internet(server)
        internet.names |= {"example.org": lambda: [PUBLIC], "evil.example": lambda: [PUBLIC]}
        assert fetched(on(internet, tls=trusts), "https://example.org/").url == "https://example.org/"
        with pytest.raises(FetchFailed, match="evil.example cannot be connected to .*certificate"):
            on(internet, tls=trusts).fetch("https://evil.example/")
        with pytest.raises(FetchFailed, match="certificate"):
            on(internet).fetch("https://example.org/")
        server.routes["/"] = redirect("http://example.org/")
        with pytest.raises(UrlRefused, match="redirects from https to 'http://example.org/'"):
            on(internet, tls=trusts).fetch("https://example.org/")
    assert asked_for[:2] == ["example.org", "evil.example"]
    assert set(internet.connected) == {PUBLIC}


@pytest.mark.parametrize(("hosts", "at_once"), [(["a.example"], 1), (["a.example", "b.example", "c.example"], 3)])
def test_a_host_is_asked_one_thing_at_a_time(server: Server, internet: Internet, hosts: list[str], at_once: int) -> None:
    busy, most, lock, together = 0, 0, threading.Lock(), threading.Barrier(at_once)

    def slow(_: dict[str, str]) -> Iterator[bytes]:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        together.wait(5)
        time.sleep(0.05)
        with lock:
            busy -= 1
        yield page()

    server.routes["/"] = slow
    internet.names |= {host: lambda: [PUBLIC] for host in hosts}
    fetcher = on(internet)
    urls = [f"http://{hosts[n % len(hosts)]}/" for n in range(3)]
    threads = [threading.Thread(target=fetcher.fetch, args=[url]) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(server.asked), most) == (3, at_once)


def test_waiting_for_ones_turn_does_not_count(server: Server) -> None:
    def slow(_: dict[str, str]) -> Iterator[bytes]:
        time.sleep(0.5)
        yield page()

    server.routes["/"] = slow
    fetcher, done = here(total_s=2), []
    threads = [
        threading.Thread(target=lambda: done.append(fetched(fetcher, server.url).suffix)) for _ in range(6)
    ]  # the last waits for longer than a fetch may take
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == ["html"] * 6


def test_the_systems_own_resolver_is_asked_and_believed_no_more_than_another(server: Server) -> None:
    server.routes["/"] = page()
    url = f"http://localhost:{server.server_port}/"
    with pytest.raises(UrlRefused, match=r"leads to (127.0.0.1|::1), which is not on the public internet \(loopback\)"):
        Fetcher(FetchSettings(pause_s=0)).fetch(url)
    assert server.asked == []
    assert fetched(here(allow_private=("127.0.0.0/8", "::1")), url).url == url
