"""URLs that try to reach a private place, or to be read in two ways. Built, not listed, so that each trick meets each address."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

OUTSIDE = "example.org"
"""The one host in here that is on the public internet."""

_IPV4 = ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "168.63.129.16"]
_IPV6 = [
    *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1"),
    *("0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:0000:0000:0001", "::0001"),
]
_DOTS = "\u3002\uff0e\uff61"
"""What browsers read as the dot of a name."""


def inside(port: int) -> list[str]:
    """URLs of private places at `port`, and URLs with no place at all: each is refused without a connection."""
    return list(
        dict.fromkeys([*_numbers(port), *_embedded(port), *_names(port), *_tricks(port), *_schemes(port), *_broken(port)])
    )


def misleading(port: int) -> list[str]:
    """URLs that name a private place in some part of them, and by the standard lie on `OUTSIDE`."""
    place = f"127.0.0.1:{port}"
    return [
        f"http://{OUTSIDE}#@{place}/",
        f"http://{OUTSIDE}?@{place}/",
        f"http://{OUTSIDE}/@{place}/",
        f"http://{OUTSIDE}/..//{place}/",
        f"http://{OUTSIDE}//{place}/",
        f"http://{OUTSIDE}:{port}/http://{place}/",
        f"http://{OUTSIDE}/?url=http://{place}/",
        f"http://{OUTSIDE}/%0d%0aHost:%20{place}",
        f"http://{OUTSIDE}/%5c@{place}/",
        f"http://{OUTSIDE}./#http://{place}/",
        f"HTTP://{OUTSIDE.upper()}/{place}",
    ]


def _numbers(port: int) -> Iterator[str]:
    """One IPv4 address in the many ways that C libraries read it."""
    for text in _IPV4:
        address = IPv4Address(text)
        a, b, c, d = address.packed
        whole, rest = int(address), int.from_bytes(address.packed[1:])
        spellings = [
            text,
            f"{whole}",
            f"0x{whole:x}",
            f"0X{whole:08X}",
            f"0{whole:o}",
            f"{a}.{rest}",
            f"{a}.{b}.{c * 256 + d}",
            f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
            f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
            f"000{a:o}.{b}.{c}.{d}",
            f"{a:03}.{b:03}.{c:03}.{d:03}",
            f"0x{a:x}.{b}.0{c:o}.{d}",
            f"{a}.0x{rest:x}",
            f"{a + 256}.{b}.{c}.{d}",
            f"{whole + 2**32}",
            f"{text}.",
            f"{text}..",
            quote(text, safe="").replace(".", "%2e"),
            "".join(f"%{byte:02x}" for byte in text.encode()),
            "".join(f"%25{byte:02x}" for byte in text.encode()),
            *(text.replace(".", dot) for dot in _DOTS),
            "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in text),
            "".join(chr(ord(sign) - 0x31 + 0x2460) if sign in "123456789" else sign for sign in text),
            text.replace(".", ".\u00ad"),
            text.replace(".", "\u200b."),
        ]
        yield from (f"http://{spelling}:{port}/" for spelling in spellings)


def _embedded(port: int) -> Iterator[str]:
    """IPv6 addresses that are private, or that carry an IPv4 address to a translator."""
    for text in _IPV4:
        number = int(IPv4Address(text))
        high, low = number >> 16, number & 0xFFFF
        yield from (
            f"http://[{spelling}]:{port}/"
            for spelling in [
                f"::ffff:{text}",
                f"::ffff:{high:x}:{low:x}",
                f"0:0:0:0:0:ffff:{high:04X}:{low:04X}",
                f"::{text}",
                f"::ffff:0:{text}",
                f"64:ff9b::{text}",
                f"64:ff9b::{high:x}:{low:x}",
                f"64:ff9b:1::{text}",
                f"2002:{high:x}:{low:x}::1",
                str(IPv6Address(0x20010000 << 96 | (number ^ 0xFFFFFFFF))),
            ]
        )
    for text in _IPV6:
        yield f"http://[{text}]:{port}/"
        yield f"http://{text}:{port}/"
    yield from (f"http://[fe80::1%{zone}]:{port}/" for zone in ("lo", "25lo", "1", "25eth0", "25"))
    yield f"http://[::1%25lo]:{port}/"


def _names(port: int) -> Iterator[str]:
    """Names that lead inside: by the resolver, by a hosts file, or through somebody's wildcard."""
    for name in [
        *("localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "ip6-localhost", "metadata.google.internal"),
        *("127.0.0.1.nip.io", "localtest.me", "a.b.c.internal", "kubernetes.default.svc", "host.docker.internal", "router"),
        *("\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3", "local\u00adhost", "loca\u017fhost", "xn--lcalhost-n4a"),
        *("xn--a", "xn--", "-a.example", "a-.example", "a..example", ".example", "a_b.internal", "b\u00fccher.internal"),
    ]:
        yield f"http://{name}:{port}/"


def _tricks(port: int) -> Iterator[str]:
    """What two parsers read as two hosts."""
    place = f"127.0.0.1:{port}"
    yield from [
        f"http://{OUTSIDE}@{place}/",
        f"http://{OUTSIDE}:80@{place}/",
        f"http://user:password@{place}/",
        f"http://@{place}/",
        f"http://{place}@{OUTSIDE}/",
        f"http://{OUTSIDE}@{place}@{OUTSIDE}/",
        f"http://{OUTSIDE}%40{place}/",
        f"http://{place}#@{OUTSIDE}/",
        f"http://{place}?@{OUTSIDE}/",
        f"http://{place}/#.{OUTSIDE}",
    ]
    for sign in ["\\", "\\\\", "\\@", "@\\", "/\\", "\\#"]:
        yield f"http://{place}{sign}{OUTSIDE}/"
        yield f"http://{OUTSIDE}{sign}{place}/"
    yield from (f"http:{slashes}{place}/" for slashes in ["\\\\", "/\\", "\\/", "\\"])
    for sign in "\t\n\r\x00\x0b\x0c\x1f\x7f\x85\xa0\u2028\u2029\u3000 ":
        yield f"http://127.0.{sign}0.1:{port}/"
        yield f"ht{sign}tp://{place}/"
        yield f"http:/{sign}/{place}/"
        yield f"{sign}http://{place}/"
        yield f"http://{place}/{sign}"
        yield f"http://{OUTSIDE}{sign}{place}/"


def _schemes(port: int) -> Iterator[str]:
    place = f"127.0.0.1:{port}"
    for scheme in [
        "ftp",
        "ftps",
        "gopher",
        "dict",
        "ldap",
        "tftp",
        "sftp",
        "ssh",
        "telnet",
        "smb",
        "ws",
        "wss",
        "redis",
        "view-source",
    ]:
        yield f"{scheme}://{place}/"
    yield from [
        "file:///etc/passwd",
        f"file://{place}/etc/passwd",
        "FILE:///etc/passwd",
        "file:/etc/passwd",
        "/etc/passwd",
        "C:\\Windows\\win.ini",
        "\\\\127.0.0.1\\share",
        f"jar:http://{place}/x.jar!/",
        f"url:http://{place}/",
        "data:text/html,<h1>x</h1>",
        "javascript:alert(1)",
        "blob:http://127.0.0.1/1",
        "about:blank",
        f"HTTP://{place}/",
        f"hTTpS://{place}/",
        f"http+unix://{place}/",
        f"https://{place}/",
        f"//{place}/",
        f"{place}/",
    ]


def _broken(port: int) -> Iterator[str]:
    yield from [
        "",
        "http:",
        "http:/",
        "http://",
        "http:///",
        "http:////",
        f"http:///127.0.0.1:{port}/",
        f"http:////127.0.0.1:{port}/",
        f"http:127.0.0.1:{port}/",
        f"http:/127.0.0.1:{port}/",
        "http://:80/",
        f"http://:{port}/",
        "http://./",
        "http://?",
        "http://#",
        "http://[]/",
        "http://[::1/",
        "http://::1]/",
        f"http://[127.0.0.1]:{port}/",
        f"http://[::1]{port}/",
        f"http://[::1].{OUTSIDE}:{port}/",
        f"http://[v1.127.0.0.1]:{port}/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:65536/",
        "http://127.0.0.1:99999999999999999999/",
        "http://127.0.0.1:-1/",
        "http://127.0.0.1:+80/",
        "http://127.0.0.1:8_0/",
        "http://127.0.0.1:\u0668\u0660/",
        f"http://127.0.0.1:{port}:80/",
        f"http://127.0.0.1:/{port}",
        f"http://{'a' * 64}.internal:{port}/",
        f"http://{'a.' * 127}internal:{port}/",
        f"http://{'a' * 5000}:{port}/",
        f"http://127.0.0.1:{port}/{'a' * 9000}",
        f"http://{'0' * 5000}1:{port}/",
        f"http://{chr(0xFC) * 5000}:{port}/",
        f"http://\ud800:{port}/",
        f"http://{chr(0x2100)}:{port}/",
        f"http://\U0001f408.internal:{port}/",
        f"http://*:{port}/",
        f"http://$(hostname):{port}/",
        f"http://127.0.0.1,{OUTSIDE}:{port}/",
        f"http://127.0.0.1&{OUTSIDE}:{port}/",
    ]
