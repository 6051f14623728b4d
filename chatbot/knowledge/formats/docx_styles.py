"""What a Word document's styles and lists give its paragraphs: the level of a heading, and the number in front of it.

Source: ECMA-376 part 1, 17.7 (styles) and 17.9 (numbering).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

_HEADING = re.compile(r"(?:heading|überschrift|titre|título|rubrik|kop) ?([1-9])", re.IGNORECASE)
"""Word stores the English names of its own styles; other programs write those that they show."""
_TITLES = {"title", "titel", "titre", "título"}
_BODY = 9
_MAX_CHAIN = 10
"""Of styles that are based on one another."""
_PART = re.compile("%([1-9])")
_LEVELS = 9
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"),
          (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


class _Level(NamedTuple):
    """How one level of a list is numbered."""

    kind: str
    text: str
    start: int


class Styles:
    """The paragraph styles of a document, by their ids."""

    def __init__(self, styles: Element | None) -> None:
        self._styles = {
            style.get(":styleId", ""): style for style in (styles if styles is not None else ()) if style.tag == "style"
        }

    def level(self, properties: Element | None) -> int:
        """1 to 9 of a heading, 0 of text."""
        own = _number(properties, "outlineLvl")
        if own is not None:
            return own + 1 if 0 <= own < _BODY else 0
        for style in self._chain(properties):
            name = _value(style.find("name"))
            outline = _number(style.find("pPr"), "outlineLvl")
            if match := _HEADING.match(name):
                return int(match[1])
            if outline is not None:
                return outline + 1 if 0 <= outline < _BODY else 0
            if name.lower() in _TITLES:
                return 1
        return 0

    def list(self, properties: Element | None) -> tuple[str, int | None, str]:
        """Id of the paragraph's list, its level there if that is said, and the style that says so; "" where it is in none."""
        sources = [(properties, ""), *((style.find("pPr"), style.get(":styleId", "")) for style in self._chain(properties))]
        level: int | None = None
        for source, style in sources:
            numbering = source.find("numPr") if source is not None else None
            if numbering is None:
                continue
            level = _number(numbering, "ilvl") if level is None else level
            if (found := numbering.find("numId")) is not None:
                return _value(found), level, style
        return "", None, ""

    def _chain(self, properties: Element | None) -> Iterator[Element]:
        """The paragraph's style and those it is based on."""
        name = _value(properties.find("pStyle")) if properties is not None else ""
        for _ in range(_MAX_CHAIN):
            style = self._styles.get(name)
            if style is None:
                return
            yield style
            name = _value(style.find("basedOn"))


class Numbers:
    """Counts the paragraphs of a document's lists, which must be asked for in their order."""

    def __init__(self, numbering: Element | None, styles: Styles) -> None:
        self._styles = styles
        self._kinds: dict[str, dict[int, _Level]] = {}
        self._of_style: dict[tuple[str, str], int] = {}
        """Level of a list that belongs to a style."""
        self._lists: dict[str, tuple[str, dict[int, int]]] = {}
        self._counts: dict[str, list[int]] = {}
        for part in numbering if numbering is not None else ():
            if part.tag == "abstractNum":
                self._define(part)
            elif part.tag == "num":
                starts = {
                    _int(o.get(":ilvl")): s for o in part.iter("lvlOverride") if (s := _number(o, "startOverride")) is not None
                }
                self._lists[part.get(":numId", "")] = (_value(part.find("abstractNumId")), starts)

    def label(self, properties: Element | None) -> str | None:
        """What stands in front of a paragraph: "-" for a bullet, "" for nothing; None where it is in no list."""
        number, level, style = self._styles.list(properties)
        if number not in self._lists:
            return None
        kind, starts = self._lists[number]
        levels = self._kinds.get(kind, {})
        if level is None:
            level = self._of_style.get((kind, style), 0)
        if level not in levels:
            return None
        counts = self._counts.setdefault(kind, [0] * _LEVELS)
        counts[level] = counts[level] + 1 if counts[level] else starts.get(level, levels[level].start)
        counts[level + 1 :] = [0] * (_LEVELS - level - 1)
        if levels[level].kind == "bullet":
            return "-"
        return _PART.sub(lambda part: self._shown(levels, counts, int(part[1]) - 1), levels[level].text).strip()

    def _define(self, part: Element) -> None:
        name = part.get(":abstractNumId", "")
        self._kinds[name] = {}
        for level in part.iterfind("lvl"):
            place = _int(level.get(":ilvl"))
            if 0 <= place < _LEVELS:
                start = _number(level, "start")
                text, kind = _value(level.find("lvlText")), _value(level.find("numFmt")) or "decimal"
                self._kinds[name][place] = _Level(kind, text, 1 if start is None else start)
                if (style := level.find("pStyle")) is not None:
                    self._of_style[name, _value(style)] = place

    def _shown(self, levels: dict[int, _Level], counts: list[int], level: int) -> str:
        count = counts[level] or (levels[level].start if level in levels else 1)
        return _counted(count, levels[level].kind if level in levels else "decimal")


def _counted(count: int, kind: str) -> str:
    if kind in {"upperLetter", "lowerLetter"} and 0 < count <= 26 * 20:
        letters = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letters.upper() if kind == "upperLetter" else letters
    if kind in {"upperRoman", "lowerRoman"} and 0 < count < 4000:
        roman = ""
        for value, letters in _ROMAN:
            roman += letters * (count // value)
            count %= value
        return roman.upper() if kind == "upperRoman" else roman
    return f"{count:02d}" if kind == "decimalZero" else "" if kind == "none" else str(count)


def _value(node: Element | None) -> str:
    return node.get(":val", "") if node is not None else ""


def _number(node: Element | None, name: str) -> int | None:
    found = node.find(name) if node is not None else None
    return None if found is None else _int(found.get(":val"))


def _int(text: str | None) -> int:
    return int(text[:9]) if text and text.isdecimal() else 0
