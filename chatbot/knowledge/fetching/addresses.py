"""Which IP addresses are on the public internet, and which others somebody allowed on purpose.

The lists are ours and not `ipaddress.is_global`, whose answer differs between Python releases.
Source: IANA's registries of special-purpose addresses, https://www.iana.org/assignments/iana-ipv4-special-registry and
https://www.iana.org/assignments/iana-ipv6-special-registry.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

Address = IPv4Address | IPv6Address

_SPECIAL_IPV4 = {
    IPv4Network(network): kind
    for network, kind in {
        "0.0.0.0/8": "unspecified",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "carrier-grade NAT",
        "127.0.0.0/8": "loopback",
        "168.63.129.16/32": "cloud metadata",  # Azure answers here to its machines only, though the range is public
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "reserved",
        "192.0.2.0/24": "documentation",
        "192.88.99.0/24": "6to4",
        "192.168.0.0/16": "private",
        "198.18.0.0/15": "benchmark",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
    }.items()
}
_GLOBAL_IPV6 = IPv6Network("2000::/3")
"""All that is routed worldwide lies in here; IPv4-mapped, NAT64, ULA, link-local, site-local and multicast do not."""
_SPECIAL_IPV6 = {
    IPv6Network(network): kind
    for network, kind in {
        "2001::/32": "Teredo",
        "2001::/23": "reserved",  # benchmark, ORCHID and other protocols' own
        "2001:db8::/32": "documentation",
        "2002::/16": "6to4",
        "3fff::/20": "documentation",
        "::/128": "unspecified",
        "::1/128": "loopback",
        "::ffff:0:0/96": "IPv4-mapped",
        "64:ff9b::/96": "NAT64",
        "64:ff9b:1::/48": "NAT64",
        "fc00::/7": "private",
        "fe80::/10": "link-local",
        "fec0::/10": "site-local",
        "ff00::/8": "multicast",
    }.items()
}


def special(address: Address) -> str:
    """What kind of special address this is; empty if it is globally routable."""
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _SPECIAL_IPV4.items() if address in network), "")
    if address.scope_id is not None:
        return "link-local"
    if kind := next((kind for network, kind in _SPECIAL_IPV6.items() if address in network), ""):
        return kind
    return "" if address in _GLOBAL_IPV6 else "reserved"


class Private(NamedTuple):
    """What may be reached though it is not public."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    hosts: frozenset[str]

    @classmethod
    def of(cls, entries: Iterable[str]) -> Private:
        """Sort what a person listed, networks and names of hosts."""
        listed = [entry.lower().removesuffix(".") for entry in entries]
        networks = [entry for entry in listed if re.search(r"[:/]|\.[0-9]+$", entry)]
        return cls(tuple(map(ipaddress.ip_network, networks)), frozenset(listed) - frozenset(networks))

    def allows(self, host: str, address: Address) -> bool:
        """True if `address`, found under the name `host`, was allowed on purpose. One with a zone never is."""
        zone = isinstance(address, IPv6Address) and address.scope_id is not None
        return not zone and (host in self.hosts or any(address in network for network in self.networks))
