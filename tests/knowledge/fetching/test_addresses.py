"""Which addresses are public: one of each special network is not, its neighbours on the public internet are."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from chatbot.knowledge.fetching.addresses import Private, special


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("10.255.255.255", "private"),
        ("100.64.0.1", "carrier-grade NAT"),
        ("100.100.100.200", "carrier-grade NAT"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("168.63.129.16", "cloud metadata"),
        ("169.254.169.254", "link-local"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.0.0.192", "reserved"),
        ("192.0.2.1", "documentation"),
        ("192.88.99.1", "6to4"),
        ("192.168.1.1", "private"),
        ("198.19.255.255", "benchmark"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::7f00:1", "reserved"),  # IPv4-compatible
        ("::ffff:127.0.0.1", "IPv4-mapped"),
        ("::ffff:8.8.8.8", "IPv4-mapped"),
        ("64:ff9b::7f00:1", "NAT64"),
        ("64:ff9b:1::7f00:1", "NAT64"),
        ("100::1", "reserved"),
        ("2001::7f00:1", "Teredo"),
        ("2001:2::1", "reserved"),
        ("2001:20::1", "reserved"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::1", "6to4"),
        ("3fff::1", "documentation"),
        ("4000::1", "reserved"),
        ("5f00::1", "reserved"),
        ("fc00::1", "private"),
        ("fd00:ec2::254", "private"),
        ("fe80::1", "link-local"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
        ("2606:4700::1%eth0", "link-local"),
    ],
)
def test_a_special_address_is_not_public(address: str, kind: str) -> None:
    assert special(ip_address(address)) == kind


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.17",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2003::1",
        "2606:4700:4700::1111",
        "3ffe::1",
    ],
)
def test_its_neighbours_are(address: str) -> None:
    assert special(ip_address(address)) == ""


@pytest.mark.parametrize(
    ("host", "address", "allowed"),
    [
        ("a.example", "10.1.2.3", True),
        ("a.example", "11.1.2.3", False),
        ("wiki.internal", "192.168.0.1", True),
        ("evil.wiki.internal", "192.168.0.1", False),
        ("a.example", "fd00::1", True),
        ("a.example", "fd00::1%eth0", False),
        ("wiki.internal", "fe80::1%eth0", False),
        ("a.example", "::ffff:10.1.2.3", False),
    ],
)
def test_only_what_is_listed_is_allowed(host: str, address: str, allowed: bool) -> None:
    assert Private.of(["10.0.0.0/8", "fd00::/8", "Wiki.Internal"]).allows(host, ip_address(address)) is allowed
