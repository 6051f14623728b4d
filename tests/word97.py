"""Writes binary Word documents, as small as they can be: a container of two streams, styles, text, and how paragraphs look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import pack, pack_into

SECTOR = 512
NORMAL, HEADING_1, HEADING_2 = 0, 1, 2
IN_TABLE = pack("<HB", 0x2416, 1)
ROW_END = IN_TABLE + pack("<HB", 0x2417, 1)
HEADER_ROW = ROW_END + pack("<HB", 0x3404, 1)
OUTLINE_2 = pack("<HB", 0x2640, 1)
_TEXT = 0x400

Paragraph = tuple[str, int, bytes]
"""Text with its mark, style, properties."""


def doc(body: Sequence[Paragraph], footnotes: str = "", comments: str = "", version: int = 0xC1, flags: int = 0) -> bytes:
    """A document of these paragraphs; the properties of all of them must fit into half a kilobyte."""
    text = [paragraph.encode("utf-16-le") for paragraph, _, _ in body]
    places = [_TEXT + sum(map(len, text[:index])) for index in range(len(text) + 1)]
    raw = b"".join(text) + (footnotes + comments).encode("utf-16-le")
    page = -(-(_TEXT + len(raw)) // SECTOR)
    side = bytearray(16)
    start: dict[str, tuple[int, int]] = {}
    for name, part in {
        "styles": _styles(),
        "looks": pack("<3I", places[0], places[-1], page),
        "pieces": b"\x02" + pack("<I", 16) + pack("<2I", 0, len(raw) // 2) + pack("<HIH", 0, _TEXT, 0),
    }.items():
        start[name] = (len(side), len(part))
        side += part
    main = bytearray((page + 1) * SECTOR)
    pack_into("<2H", main, 0, 0xA5EC, version)
    pack_into("<H", main, 0x0A, 0x0200 | flags)
    sizes = [len(part.encode("utf-16-le")) // 2 for part in (footnotes, "", "", comments)]
    pack_into("<5I", main, 0x4C, sum(map(len, text)) // 2, *sizes)
    for name, place in {"styles": 0xA2, "looks": 0x102, "pieces": 0x1A2}.items():
        pack_into("<2I", main, place, *start[name])
    main[_TEXT : _TEXT + len(raw)] = raw
    main[page * SECTOR :] = _looks(body, places)
    return ole({"WordDocument": bytes(main), "1Table": bytes(side)})


def _styles() -> bytes:
    """Normal and the first two headings."""
    styles = [pack("<5H", number, 1 | 0xFFF << 4, 0, 10, 0) for number in (NORMAL, HEADING_1, HEADING_2)]
    return pack("<H9H", 18, len(styles), 10, *[0] * 7) + b"".join(pack("<H", len(style)) + style for style in styles)


def _looks(body: Sequence[Paragraph], places: Sequence[int]) -> bytes:
    page = bytearray(SECTOR)
    page[-1] = len(body)
    pack_into(f"<{len(places)}I", page, 0, *places)
    end = SECTOR - 2
    for index, (_, style, properties) in enumerate(body):
        look = pack("<H", style) + properties
        look += b"\0" * (len(look) % 2)
        end -= len(look) + 2
        page[end : end + len(look) + 2] = bytes([0, len(look) // 2]) + look
        page[4 * len(places) + 13 * index] = end // 2
    return bytes(page)


def ole(streams: Mapping[str, bytes]) -> bytes:
    """A container of some streams: a sector of allocations, one of names, then what they hold."""
    chains = [0xFFFFFFFD, 0xFFFFFFFE]
    entries = [_entry("Root Entry", 5, 0xFFFFFFFE, 0, child=1)]
    data = b""
    for index, (name, content) in enumerate(streams.items(), 1):
        content = content.ljust(4096, b"\0")
        count = -(-len(content) // SECTOR)
        entries.append(_entry(name, 2, len(chains), len(content), right=index + 1 if index < len(streams) else 0xFFFFFFFF))
        chains += [*range(len(chains) + 1, len(chains) + count), 0xFFFFFFFE]
        data += content.ljust(count * SECTOR, b"\0")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += pack("<9I", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0) + pack("<109I", 0, *[0xFFFFFFFF] * 108)
    allocations = pack(f"<{len(chains)}I", *chains).ljust(SECTOR, b"\xff")
    assert len(allocations) == SECTOR, "one sector of allocations holds 64 KiB"
    return header + allocations + b"".join(entries).ljust(SECTOR, b"\0") + data


def _entry(name: str, kind: int, first: int, size: int, child: int = 0xFFFFFFFF, right: int = 0xFFFFFFFF) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    return (
        encoded.ljust(64, b"\0")
        + pack("<HBB3I", len(encoded), kind, 1, 0xFFFFFFFF, right, child)
        + bytes(36)
        + pack("<IQ", first, size)
    )
