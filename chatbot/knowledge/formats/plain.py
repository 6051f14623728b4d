"""Plain text in any encoding."""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterator

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder

_BLANK_LINES = re.compile(r"\n\s*\n")
_ACCENTED = re.compile(r"[^\W\d_a-zA-Z]")
# What English, French, German, Italian, Portuguese, Scandinavian and Spanish texts use of Windows' Western code page; the
# same bytes read in another page, or another page's bytes read in this one, soon show a character that is not here.
_WESTERN = re.compile(r"[\t\n\f\r -~\xa0¡£§©«®°´·»¿À-ÏÑ-ÖØ-Üßà-ïñ-öø-üÿŒœŸ€‚„…‘’“”•–—™]*")
_ASCII = re.compile(r"[\t\n\r -~]")
_HIGH = re.compile(rb"[\x80-\xff]")
_NARROW = 40
"""Characters; no text is set so narrow but by hand."""
_BULLET = re.compile(r"\s*(?:[-*•]|\d{1,3}[.)])\s")


def extract(raw: bytes) -> Extracted:
    """Read text; a paragraph's hard line breaks become spaces, unless its lines look set by hand (lists, code, verse)."""
    builder = TextBuilder()
    for paragraph in paragraphs(decode(raw).expandtabs(4)):
        builder.block(paragraph)
    return builder.build()


def decode(raw: bytes, declared: str = "") -> str:
    """Bytes to text with `\\n` line ends: UTF-8 if it is, else as `declared`, else whatever the bytes look like.

    Raises:
        DocumentRefused: the bytes are no text.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = _declared(raw, declared) or _western(raw) or _guessed(raw)
        if not text:
            raise DocumentRefused("not text in any encoding that is known") from None
    else:
        if "\x00" in text:
            text = _unmarked(raw) or text
    if text.count("\x00") > len(text) // 1000:
        raise DocumentRefused("binary data, not text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _declared(raw: bytes, encoding: str) -> str:
    try:
        # browsers read Latin-1 as Windows' Western code page, which is what was meant
        return raw.decode("cp1252" if codecs.lookup(encoding).name == "iso8859-1" else encoding)
    except (LookupError, ValueError):
        return ""


def _western(raw: bytes) -> str:
    """The text if it looks Western, else nothing. Asked first: a guess reads a short “niño” as “nińo”."""
    text = raw.decode("cp1252", errors="replace")
    return text if _WESTERN.fullmatch(text) and len(_ACCENTED.findall(text)) * 4 <= len(text) else ""


def _guessed(raw: bytes) -> str:
    """The text in the encoding that it looks like, nothing if it looks like none."""
    import chardet  # 70 ms, which most texts do without: they are UTF-8

    high = _HIGH.search(raw)
    # only the beginning is looked at, which may be plain ASCII
    for part in (raw, raw[high.start() :] if high else b""):
        encoding = chardet.detect(part)["encoding"]
        if encoding:
            with contextlib.suppress(LookupError, UnicodeDecodeError):
                return raw.decode(encoding)
    return ""


def _unmarked(raw: bytes) -> str:
    """The text of UTF-16 without a mark whose letters are those of ASCII, nothing if it is none: to a decoder any bytes are."""
    for encoding in ("utf-16-le", "utf-16-be"):
        with contextlib.suppress(UnicodeDecodeError):
            text = raw.decode(encoding)
            if len(_ASCII.findall(text)) > 0.9 * len(text):
                return text
    return ""


def paragraphs(text: str) -> Iterator[str]:
    """What blank lines set apart, each unwrapped."""
    return map(unwrap, _BLANK_LINES.split(text))


def unwrap(paragraph: str) -> str:
    """Join lines that were only broken to fit a width."""
    lines = [line.rstrip() for line in paragraph.strip("\n").split("\n")]
    widest = max(map(len, lines))
    joined = [lines[0].lstrip()]
    if widest < _NARROW:
        return "\n".join([*joined, *lines[1:]])
    for before, line in zip(lines, lines[1:], strict=False):
        by_hand = _BULLET.match(line) or line.startswith("    ") or len(before) < widest * 0.6
        if by_hand:
            joined += ["\n", line]
        elif before.endswith("-") and line[:1].islower():
            joined[-1] = joined[-1][:-1]
            joined.append(line.lstrip())
        else:
            joined += [" ", line.lstrip()]
    return "".join(joined)
