"""Writes the books and Outlook messages that tests read, byte by byte: no library writes either."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

_XHTML = (
    '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{}</body></html>'
)
_CONTAINER = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'

_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR, _SMALL_SECTOR, _SMALL = 512, 64, 4096


def zipped(files: Mapping[str, bytes | str], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of `files`, name to content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def epub(
    chapters: Mapping[str, str],
    contents: str = "",
    title: str = "The manual",
    others: Mapping[str, bytes | str] | None = None,
    order: Sequence[str] | None = None,
) -> bytes:
    """A book of `chapters`, path to the markup of the body; `contents` is a table of contents as version 2 writes it."""
    items = "".join(f'<item id="i{n}" href="{path}" media-type="application/xhtml+xml"/>' for n, path in enumerate(chapters))
    paths = list(chapters)
    spine = "".join(f'<itemref idref="i{paths.index(path)}"/>' for path in order or paths)
    package = (
        f'<package xmlns:dc="urn:dc"><metadata><dc:title>{title}</dc:title></metadata><manifest>{items}'
        f'<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest><spine>{spine}</spine></package>'
    )
    files: dict[str, bytes | str] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": _CONTAINER,
        "OPS/book.opf": package,
        "OPS/toc.ncx": f"<ncx><navMap>{contents}</navMap></ncx>",
        **{f"OPS/{path}": _XHTML.format(markup) for path, markup in chapters.items()},
    }
    return zipped({**files, **(others or {})})


def point(title: str, path: str, inside: str = "") -> str:
    """A line of a book's table of contents, with those `inside` it."""
    return f'<navPoint><navLabel><text>{title}</text></navLabel><content src="{path}"/>{inside}</navPoint>'


def msg(texts: Mapping[str, str | bytes], attachments: Mapping[str, bytes] | None = None, sent: int = 0) -> bytes:
    """An Outlook message: property number and type (“0037001F”) to value; `sent` in steps of 100 ns since 1601."""
    root: dict[str, bytes | dict[str, bytes]] = {
        f"__substg1.0_{number}": value if isinstance(value, bytes) else value.encode("utf-16-le")
        for number, value in texts.items()
    }
    root["__properties_version1.0"] = bytes(32) + struct.pack("<HHIQ", 0x0040, 0x0039, 6, sent)
    for number, (name, content) in enumerate((attachments or {}).items()):
        root[f"__attach_version1.0_#{number:08X}"] = {
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            "__substg1.0_37010102": content,
        }
    return compound(root)


def compound(root: Mapping[str, bytes | Mapping[str, bytes]]) -> bytes:
    """A file of streams by name, some of them in storages, as Microsoft's compound format keeps them.

    Source: [MS-CFB]. The trees of names are lists here: each entry's right neighbour is the next one.
    """
    entries: list[tuple[str, int, int, int, bytes]] = []  # name, kind, right neighbour, child, content

    def add(folder: Mapping[str, bytes | Mapping[str, bytes]]) -> int:
        first = len(entries)
        entries.extend([("", 0, _FREE, _FREE, b"")] * len(folder))
        for place, (name, content) in enumerate(folder.items(), first):
            right = place + 1 if place + 1 < first + len(folder) else _FREE
            if isinstance(content, bytes):
                entries[place] = (name, 2, right, _FREE, content)
            else:
                entries[place] = (name, 1, right, add(content) if content else _FREE, b"")
        return first

    entries.append(("Root Entry", 5, _FREE, 1, b""))
    add(root)
    return _sectors(entries)


def _sectors(entries: list[tuple[str, int, int, int, bytes]]) -> bytes:
    sectors: list[bytes] = []
    table: list[int] = []
    small = b""
    small_table: list[int] = []
    starts: list[int] = []

    def store(content: bytes) -> int:
        pieces = [content[at : at + _SECTOR].ljust(_SECTOR, b"\0") for at in range(0, len(content), _SECTOR)]
        if not pieces:
            return _END
        start = len(sectors)
        sectors.extend(pieces)
        table.extend([*range(start + 1, start + len(pieces)), _END])
        return start

    for *_, content in entries:
        if len(content) >= _SMALL:
            starts.append(store(content))
        elif content:
            count = -(-len(content) // _SMALL_SECTOR)
            starts.append(len(small_table))
            small_table.extend([*range(len(small_table) + 1, len(small_table) + count), _END])
            small += content.ljust(count * _SMALL_SECTOR, b"\0")
        else:
            starts.append(_END)
    starts[0] = store(small)
    sizes = [len(small), *(len(content) for *_, content in entries[1:])]
    directory = b"".join(_entry(entry, start, size) for entry, start, size in zip(entries, starts, sizes, strict=True))
    directory_start = store(directory)
    small_start = store(struct.pack(f"<{len(small_table)}I", *small_table)) if small_table else _END
    count = 1
    while (len(table) + count) * 4 > count * _SECTOR:
        count += 1
    first = len(table)
    table.extend([_TABLE] * count)
    table.extend([_FREE] * (count * _SECTOR // 4 - len(table)))
    sectors.append(struct.pack(f"<{len(table)}I", *table))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    small_sectors = -(-len(small_table) * 4 // _SECTOR)
    header += struct.pack("<9I", 0, count, directory_start, 0, _SMALL, small_start, small_sectors, _END, 0)
    return header + struct.pack("<109I", *range(first, first + count), *[_FREE] * (109 - count)) + b"".join(sectors)


def _entry(entry: tuple[str, int, int, int, bytes], start: int, size: int) -> bytes:
    name, kind, right, child, _ = entry
    encoded = name.encode("utf-16-le") + b"\0\0"
    return encoded.ljust(64, b"\0") + struct.pack("<HBBIII36xIQ", len(encoded), kind, 1, _FREE, right, child, start, size)
