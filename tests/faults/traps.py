"""Files that are small and ask for much: each made when it is asked for, from nothing."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

MIB = 2**20
Trap = Callable[[], bytes]
"""Makes the file; deterministic."""


def _zip(members: Mapping[str, bytes | str], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _nested(raw: bytes, levels: int) -> bytes:
    for level in range(levels):
        raw = _zip({f"{level}-{copy}.zip": raw for copy in range(4)})
    return raw


def _zip_records(count: int, content: bytes, overlap: bool) -> bytes:
    """An archive whose directory names `count` files; with `overlap` all are the same bytes, named once."""
    packed = zlib.compress(content, 9)[2:-4]
    numbers = struct.pack("<HHHHHIII", 20, 0, 8, 0, 33, zlib.crc32(content), len(packed), len(content))
    local = b"PK\x03\x04" + numbers + struct.pack("<HH", 5, 0) + b"a.txt" + packed
    body = local if overlap else local * count
    places = (0 if overlap else index * len(local) for index in range(count))
    entries = b"".join(
        b"PK\x01\x02\x14\x00" + numbers + struct.pack("<HHHHHII", 5, 0, 0, 0, 0, 0, place) + b"a.txt" for place in places
    )
    shown = min(count, 0xFFFF)
    if count < 0xFFFF:
        return body + entries + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, shown, shown, len(entries), len(body), 0)
    end = struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(entries), len(body))
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(body) + len(entries), 1)
    last = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return body + entries + b"PK\x06\x06" + end + locator + last


def _lying_zip() -> bytes:
    """The directory says ten bytes; a hundred mebibytes come."""
    raw = bytearray(_zip({"a.txt": bytes(100 * MIB)}))
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = raw.index(mark) + offset
        raw[place : place + 4] = struct.pack("<I", 10)
    return bytes(raw)


_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _relations(**targets: str) -> str:
    lines = "".join(f'<Relationship Id="{kind}" Type="{_RELATIONS}/{kind}" Target="{to}"/>' for kind, to in targets.items())
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{lines}</Relationships>'


def _docx(body: str, before: str = "", **parts: str) -> bytes:
    names = f'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="{_RELATIONS}"'
    document = f'<?xml version="1.0"?>{before}<w:document {names}><w:body>{body}</w:body></w:document>'
    files = {"[Content_Types].xml": _TYPES, "_rels/.rels": _relations(officeDocument="word/document.xml")}
    return _zip({**files, "word/document.xml": document, **parts})


def _xlsx(sheet: str, strings: str = "") -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    book = f'<workbook xmlns="{main}" xmlns:r="{_RELATIONS}"><sheets><sheet name="a" r:id="worksheet"/></sheets></workbook>'
    return _zip({
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _relations(officeDocument="xl/workbook.xml"),
        "xl/workbook.xml": book,
        "xl/_rels/workbook.xml.rels": _relations(worksheet="worksheets/s.xml", sharedStrings="strings.xml"),
        "xl/worksheets/s.xml": f'<worksheet xmlns="{main}">{sheet}</worksheet>',
        "xl/strings.xml": f'<sst xmlns="{main}">{strings}</sst>',
    })  # fmt: skip


def _ods(rows: str) -> bytes:
    names = " ".join(f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table"))
    body = f"<office:body><office:spreadsheet><table:table>{rows}</table:table></office:spreadsheet></office:body>"
    content = f"<office:document-content {names}>{body}</office:document-content>"
    return _zip({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content})


def _pdf(objects: list[bytes]) -> bytes:
    """Objects by their numbers from 1; the first is the catalogue."""
    raw = bytearray(b"%PDF-1.7\n")
    places: list[int] = []
    for number, content in enumerate(objects, 1):
        places.append(len(raw))
        raw += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(raw)
    raw += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    raw += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(raw + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start))


def _stream(content: bytes, extra: bytes = b"") -> bytes:
    packed = zlib.compress(content, 9)
    return b"<<%b/Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (extra, len(packed), packed)


def _pdf_pages(count: int, box: str = "0 0 612 792", content: bytes = b"BT /F 12 Tf 72 700 Td (The valve opens.) Tj ET") -> bytes:
    kids = b" ".join(b"%d 0 R" % (5 + index) for index in range(count))
    page = b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[%b]/Resources<</Font<</F 3 0 R>>>>>>" % box.encode()
    catalogue, tree = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count %d/Kids[%b]>>" % (count, kids)
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    return _pdf([catalogue, tree, font, _stream(content), *[page] * count])


def _pdf_loop() -> bytes:
    """Pages that are their own children, and an outline that follows itself."""
    tree = b"<</Type/Pages/Count 1000000/Kids[2 0 R 2 0 R 4 0 R]>>"
    outline = b"<</Type/Outlines/First 5 0 R/Last 5 0 R/Count 1000000>>"
    entry = b"<</Title(again)/Parent 3 0 R/Next 5 0 R/First 5 0 R/Dest[4 0 R/Fit]>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>"
    return _pdf([b"<</Type/Catalog/Pages 2 0 R/Outlines 3 0 R>>", tree, outline, page, entry])


def _pdf_forms() -> bytes:
    """Forms that each show the next one ten times."""
    count = 12
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</X %d 0 R>>>>"
    forms = [_stream(b"/X Do " * 10, form % (5 + index)) for index in range(count)]
    last = _stream(b"0 0 m 9 9 l S " * 100, b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]")
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 3 0 R/Resources<</XObject<</X 5 0 R>>>>>>"
    tree = b"<</Type/Pages/Count 1/Kids[4 0 R]>>"
    return _pdf([b"<</Type/Catalog/Pages 2 0 R>>", tree, _stream(b"/X Do"), page, *forms, last])


def _pdf_picture(side: int) -> bytes:
    """A page that is one picture, of `side` by `side` grey pixels, all black."""
    form = b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8" % (side, side)
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 3 0 R/Resources<</XObject<</X 5 0 R>>>>>>"
    tree = b"<</Type/Pages/Count 1/Kids[4 0 R]>>"
    picture = _stream(bytes(side * side), form)
    return _pdf([b"<</Type/Catalog/Pages 2 0 R>>", tree, _stream(b"612 0 0 792 0 0 cm /X Do"), page, picture])


def _pdf_scans(count: int) -> bytes:
    """Pages that are pictures of noise, which look like letters to a recognizer."""
    noise = random.Random(1).randbytes(600 * 800)
    form = b"/Type/XObject/Subtype/Image/Width 600/Height 800/ColorSpace/DeviceGray/BitsPerComponent 8"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 3 0 R/Resources<</XObject<</X 4 0 R>>>>>>"
    kids = b" ".join(b"%d 0 R" % (5 + index) for index in range(count))
    tree = b"<</Type/Pages/Count %d/Kids[%b]>>" % (count, kids)
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", tree, _stream(b"612 0 0 792 0 0 cm /X Do"), _stream(noise, form)]
    return _pdf([*objects, *[page] * count])


def _png(width: int, height: int, row: bytes) -> bytes:
    """A grey picture whose rows are all the same."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(b"\0" + row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _tiff(pages: int) -> bytes:
    """Directories of one pixel each, the last of which leads back to the first."""
    size = 2 + 12 * 8 + 4
    tags = ((256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (278, 1), (279, 1))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    raw = b"II*\0" + struct.pack("<I", 12) + b"\0\0\0\0"
    for page in range(pages):
        following = 12 + size * ((page + 1) % pages)
        raw += struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return raw


def _mail(levels: int) -> bytes:
    raw = b"Subject: the bottom\n\nwords"
    for level in range(levels):
        raw = b"Subject: %d\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n%b" % (level, raw)
    return raw


def _mail_parts(count: int) -> bytes:
    head = b"Subject: parts\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    return head + b"--b\nContent-Type: text/plain\n\nwords\n" * count + b"--b--\n"


def _mail_attachment(name: str, content: bytes) -> bytes:
    head = f"Subject: a\nMIME-Version: 1.0\nContent-Type: application/octet-stream; name={name}\n"
    return head.encode() + b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(content)


def _epub(chapters: int, chapter: str) -> bytes:
    items = "".join(f'<item id="c{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(chapters))
    order = "".join(f'<itemref idref="c{n}"/>' for n in range(chapters))
    package = f"<package><metadata/><manifest>{items}</manifest><spine>{order}</spine></package>"
    container = '<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>'
    parts = {f"{number}.xhtml": chapter for number in range(chapters)}
    return _zip({"mimetype": "application/epub+zip", "META-INF/container.xml": container, "p.opf": package, **parts})


def _laughs(root: str) -> str:
    tenfold = ((n, f"&a{n - 1};" * 10) for n in range(1, 10))
    entities = "".join(f'<!ENTITY a{n} "{text}">' for n, text in tenfold)
    return f'<!DOCTYPE {root} [<!ENTITY a0 "ha">{entities}]>'


def _substitutions() -> bytes:
    tenfold = ((n, f"|a{n - 1}| " * 10) for n in range(1, 10))
    lines = [".. |a0| replace:: hahahahaha", *(f".. |a{n}| replace:: {text}" for n, text in tenfold)]
    return "\n".join(["|a9|", "", *lines]).encode()


def _far_cells() -> bytes:
    """A cell in the last column of each ninth row, and ten thousand spans over the whole sheet."""
    rows = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(1, 200_000, 9))
    spans = '<mergeCell ref="A1:XFD1048576"/>' * 10_000
    return _xlsx(f"<sheetData>{rows}</sheetData><mergeCells>{spans}</mergeCells>")


def _gif(side: int) -> bytes:
    place = struct.pack("<HHHHB", 0, 0, side, side, 0)
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0xF7, 0, 0) + bytes(768) + b"," + place + b"\x08\x01\x00\x00;"


def _sectors() -> bytes:
    """A compound file whose header promises more tables than the file can hold."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6) + b"\xff" * 2_000_000


_WORDS = b"The valve of the boiler opens at seven bar and closes at six. "
_CELLS = ("<row>" + "<c><v>1</v></c>" * 1000 + "</row>") * 1000
_NOISE = random.Random(2).randbytes(20 * MIB)

TRAPS: dict[str, Trap] = {
    # archives
    "zeros.zip": lambda: _zip({"a.txt": bytes(400 * MIB)}),
    "nested.zip": lambda: _nested(_zip({"a.txt": bytes(10 * MIB)}), 8),
    "entries.zip": lambda: _zip_records(550_000, b"", overlap=False),
    "overlapping.zip": lambda: _zip_records(60_000, bytes(MIB), overlap=True),
    "overlapping-text.zip": lambda: _zip_records(9_000, _WORDS * 5_000, overlap=True),
    "lying.zip": _lying_zip,
    "bzip2.zip": lambda: _zip({"a.txt": bytes(400 * MIB)}, zipfile.ZIP_BZIP2),
    "tables.zip": lambda: _zip({f"{n}.csv": "a,b,c\n" + "1,2,3\n" * 100_000 for n in range(200)}),
    "zeros.gz": lambda: gzip.compress(bytes(400 * MIB)),
    "zeros.bz2": lambda: bz2.compress(bytes(400 * MIB)),
    # office documents
    "laughs.docx": lambda: _docx("<w:p><w:r><w:t>&a9;</w:t></w:r></w:p>", _laughs("w:document")),
    "outside.docx": lambda: _docx("<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    "spaces.docx": lambda: _docx(" " * 200 * MIB),
    "deep.docx": lambda: _docx("<w:sdt>" * 50_000 + "</w:sdt>" * 50_000),
    "paragraphs.docx": lambda: _docx("<w:p><w:r><w:t>The valve opens.</w:t></w:r></w:p>" * 30_000),
    "inside-itself.docx": lambda: _docx(
        '<w:altChunk r:id="aFChunk"/>' * 50, **{"word/_rels/document.xml.rels": _relations(aFChunk="document.xml")}
    ),
    "cells.xlsx": lambda: _xlsx(f"<sheetData>{_CELLS}</sheetData>"),
    "sheet.xlsx": lambda: _xlsx(f'<sheetData>{" " * 300 * MIB}</sheetData>'),
    "far.xlsx": _far_cells,
    "strings.xlsx": lambda: _xlsx('<sheetData><row><c t="s"><v>0</v></c></row></sheetData>', f'<si><t>{"x" * 90 * MIB}</t></si>'),
    "shared.xlsx": lambda: _xlsx(
        "<sheetData><row>" + '<c t="s"><v>0</v></c>' * 99_000 + "</row></sheetData>", "<si><t>" + "word " * 2_000 + "</t></si>"
    ),
    "repeated.ods": lambda: _ods('<table:table-row table:number-rows-repeated="999999999"><table:table-cell '
                                 'table:number-columns-repeated="999999999"><text:p>x</text:p></table:table-cell></table:table-row>'),
    "groups.rtf": lambda: b"{\\rtf1 " + b"{" * 5_000_000,
    "binary.rtf": lambda: b"{\\rtf1 \\bin99999999999 " + b"\\bin-5 x" * 500_000 + b"}",
    "paragraphs.rtf": lambda: b"{\\rtf1 " + b"valve\\par " * 4_000_000 + b"}",
    # markup
    "deep.html": lambda: b"<div>" * 1_000_000,
    "attributes.html": lambda: b"<p " + b"".join(b"a%d " % n for n in range(1_000_000)) + b">words",
    "tables.html": lambda: b"<table><tr><td>" * 20_000 + b"words",
    "spans.html": lambda: b"<table>" + b"<tr><td colspan=1000 rowspan=1000>x</td></tr>" * 200_000 + b"</table>",
    "formatting.html": lambda: b"<b><i><a href=x>words<p>" * 200_000,
    "laughs.xml": lambda: f'<?xml version="1.0"?>{_laughs("a")}<a>&a9;</a>'.encode(),
    "deep.xml": lambda: b"<a>" * 2_000_000,
    "attributes.xml": lambda: b"<a " + b"".join(b'a%d="" ' % n for n in range(1_000_000)) + b"/>",
    "records.xml": lambda: b"<a>" + b"<b><c>1</c><d>2</d></b>" * 400_000 + b"</a>",
    "quotes.md": lambda: b">" * 500_000 + b"words",
    "brackets.md": lambda: b"[" * 1_000_000,
    "links.md": lambda: b"[a](" * 250_000,
    "stars.md": lambda: b"*a **b " * 300_000,
    "backticks.md": lambda: b" ".join(b"`" * n for n in range(1, 1_500)),
    "lists.md": lambda: b"".join(b" " * (2 * n) + b"- x\n" for n in range(3_000)),
    "substitutions.rst": _substitutions,
    "sections.rst": lambda: b"".join(b"Part\n====\n\n*a **b `c\n\n" for _ in range(40_000)),
    "deep.rst": lambda: b"".join(b" " * n + b"* x\n\n" for n in range(1_200)),
    # data
    "deep.json": lambda: b"[" * 8_000_000,
    "lists.json": lambda: b"[" + b"[]," * 2_600_000 + b"[]]",
    "paths.json": lambda: (b'{"' + b"x" * 4_000 + b'":') * 90 + b"[" + b"1," * 900_000 + b"[1]]" + b"}" * 90,
    "lines.jsonl": lambda: b'{"a": {"b": [1, 2, {"c": "d"}]}}\n' * 1_400_000,
    "line.csv": lambda: b"word," * 9_000_000,
    "quote.csv": lambda: b'a,b,c\n1,"' + b"word,word\n" * 2_000_000,
    "wide.csv": lambda: b",".join(b"column %d" % n for n in range(100_000)) + b"\n" + (b"1," * 100_000 + b"\n") * 100,
    "rows.csv": lambda: b"name;place;pressure\n" + b"valve;boiler;7\n" * 1_400_000,
    # text
    "one-line.txt": lambda: _WORDS * (45 * MIB // len(_WORDS)),
    "one-word.txt": lambda: b"x" * 45 * MIB,
    "escapes.txt": lambda: b"\x1b]0;" * 5_000_000,
    "noise.txt": lambda: _NOISE,
    "lines.txt": lambda: b"x\n" * 20_000_000,
    # mail and books
    "nested.eml": lambda: _mail(3_000),
    "parts.eml": lambda: _mail_parts(400_000),
    "headers.eml": lambda: b"Subject: a\n" + b"X-A: b\n" * 4_000_000 + b"\nwords",
    "bomb.eml": lambda: _mail_attachment("a.zip", _nested(_zip({"a.txt": bytes(10 * MIB)}), 5)),
    "chapters.epub": lambda: _epub(1_900, "<html><body>" + "<p>The valve opens.</p>" * 900 + "</body></html>"),
    "fat.msg": _sectors,
    # pages and pictures
    "pages.pdf": lambda: _pdf_pages(10_000),
    "huge.pdf": lambda: _pdf_pages(50, "0 0 14400000 14400000"),
    "loop.pdf": _pdf_loop,
    "stream.pdf": lambda: _pdf_pages(1, content=b"BT /F 12 Tf " + b"1 0 0 1 72 700 Tm (The valve.) Tj " * 7_000_000 + b"ET"),
    "forms.pdf": _pdf_forms,
    "picture.pdf": lambda: _pdf_picture(30_000),
    "scans.pdf": lambda: _pdf_scans(300),
    "pixels.png": lambda: _png(30_000, 30_000, bytes(30_000)),
    "noise.png": lambda: _png(7_000, 7_000, _NOISE[:7_000]),
    "strip.png": lambda: _png(1_000_000, 50, bytes(1_000_000)),
    "pixels.gif": lambda: _gif(65_535),
    "loop.tiff": lambda: _tiff(1_000),
}  # fmt: skip
