"""Reads one robots.txt and says what it allows. It fetches nothing.

Source: RFC 9309; what it does not have (crawl-delay and its like) is passed over.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

_LINE = re.compile(r"\s*([A-Za-z-]+)\s*:\s*([^#]*)")
_PRODUCT = re.compile(r"[A-Za-z_-]+|\*")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


class Rule(NamedTuple):
    """A line of a group."""

    pattern: str
    allows: bool

    def fits(self, path: str) -> bool:
        """True if the path begins as the pattern says, in which `*` is anything, and `$` at its end the path's end."""
        first, *rest = self.pattern.removesuffix("$").split("*")
        if not path.startswith(first):
            return False
        at, to_the_end = len(first), self.pattern.endswith("$")
        *middle, last = rest or [""]
        for piece in middle:
            # the earliest place leaves most for the pieces behind it, so that none is tried twice
            at = path.find(piece, at) + len(piece)
            if at < len(piece):
                return False
        if not to_the_end:
            return path.find(last, at) >= 0
        return path.endswith(last) and len(path) - len(last) >= at if rest else len(path) == at


def read(text: str, product: str) -> list[Rule]:
    """The rules for a crawler of this product token: of the groups that name it, or else of those for all."""
    groups: dict[str, list[Rule]] = {}
    named: list[str] = []
    naming = False
    for line in text.splitlines():
        found = _LINE.match(line)
        key, value = (found[1].lower(), found[2].strip()) if found else ("", "")
        if key == "user-agent":
            token = _PRODUCT.match(value)
            named = [*(named if naming else []), token[0].lower() if token else ""]
            groups.setdefault(named[-1], [])
            naming = True
        elif key in ("allow", "disallow"):
            naming = False
            if value:  # an empty one says nothing
                for name in named:
                    groups[name].append(Rule(_normal(value), key == "allow"))
    return groups.get(product.lower(), groups.get("*", []))


def allowed(rules: list[Rule], target: str) -> bool:
    """True if the most specific rule that fits a path with its query allows it; of two as long, the one that allows."""
    path = _normal(target)
    if path == "/robots.txt":
        return True
    fitting = [(len(rule.pattern), rule.allows) for rule in rules if rule.fits(path)]
    return max(fitting)[1] if fitting else True


def _normal(text: str) -> str:
    """One spelling: what needs no percent sign has none, and what needs one has it in capitals."""

    def one(escape: re.Match[str]) -> str:
        character = chr(int(escape[1], 16))
        return character if _UNRESERVED.fullmatch(character) else escape[0].upper()

    return _ESCAPE.sub(one, quote(text, safe="%/?:@!$&'()*+,;=~-._[]"))
