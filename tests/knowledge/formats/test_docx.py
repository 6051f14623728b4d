"""Word documents: headings and tables kept, and no archive can crash or fill the machine."""

from __future__ import annotations

import io
import zipfile

import pytest
from documents import docx, docx_of, repacked

from chatbot.errors import DocumentRefused
from chatbot.knowledge.reading import reader

PARAGRAPH = "<w:p><w:r><w:t>hello</w:t></w:r></w:p>"


def test_headings_and_paragraphs_are_kept() -> None:
    document = reader.read("manual.docx", docx({"Boiler": "The valve opens at 7 bar.", "Pump": "It moves 30 litres."}))
    assert document.text == "Boiler\n\nThe valve opens at 7 bar.\n\nPump\n\nIt moves 30 litres.\n\n"
    assert [heading.text for heading in document.headings] == ["Boiler", "Pump"]


def test_each_row_of_a_table_keeps_its_headers() -> None:
    document = reader.read("manual.docx", docx({}, [["Part", "Bar"], ["Valve", "7"], ["Pump", "3"]]))
    assert document.text == "- Part: Valve; Bar: 7\n- Part: Pump; Bar: 3\n"


def test_paragraphs_in_a_cell_are_set_apart() -> None:
    document = reader.read("manual.docx", docx({}, [["one\ntwo", "three"]]))
    assert document.text.split() == ["-", "one", "two;", "three"]


def test_a_file_that_unpacks_to_too_much_is_refused() -> None:
    bomb = repacked(docx({"A": "b"}), {"word/media/image1.bin": bytes(300 * 2**20)})
    assert len(bomb) < 2**21
    with pytest.raises(DocumentRefused, match="unpacks to more than 256 MiB"):
        reader.read("bomb.docx", bomb)


def test_a_file_that_unpacks_to_too_much_markup_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="unpacks to more than 64 MiB of markup"):
        reader.read("bomb.docx", docx_of(PARAGRAPH.replace("hello", "hello " * 12_000_000)))


def test_a_file_of_too_many_parts_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="10,000 parts"):
        reader.read("bomb.docx", repacked(docx({}), {f"word/{number}": b"" for number in range(10_001)}))


@pytest.mark.parametrize("markup", ["<w:p>", "<w:p>&unknown;</w:p>"])
def test_markup_that_is_no_xml_is_refused(markup: str) -> None:
    with pytest.raises(DocumentRefused, match="damaged Word document"):
        reader.read("broken.docx", docx_of(markup))


@pytest.mark.parametrize("mark", ["w:ins", "w:tbl"])
def test_markup_that_is_nested_deeply_is_refused(mark: str) -> None:
    with pytest.raises(DocumentRefused, match="nested more than 200 levels deep"):
        reader.read("broken.docx", docx_of(f"<{mark}>" * 2_000 + PARAGRAPH + f"</{mark}>" * 2_000))


@pytest.mark.parametrize(
    "markup",
    [
        '<w:p><w:hyperlink r:id="none"><w:r><w:t>hello</w:t></w:r></w:hyperlink></w:p>',
        f'<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="wide"/></w:tcPr>{PARAGRAPH}</w:tc></w:tr></w:tbl>',
        '<w:p><w:r><w:sym w:font="Wingdings" w:char="ZZ"/><w:t>hello</w:t></w:r></w:p>',
        '<w:p><w:r><w:t>hello</w:t><w:footnoteReference w:id="77"/></w:r></w:p>',
        '<w:p><w:pPr><w:numPr><w:ilvl w:val="x"/><w:numId w:val="99"/></w:numPr></w:pPr><w:r><w:t>hello</w:t></w:r></w:p>',
    ],
)
def test_what_points_nowhere_costs_no_words(markup: str) -> None:
    assert reader.read("odd.docx", docx_of(markup)).text.strip().removeprefix("- ") == "hello"


@pytest.mark.parametrize("document", [b"", b"<a", b'<?xml version="1.0" encoding="klingon"?><a/>', b"<other/>"])
def test_a_main_part_that_is_no_document_is_refused(document: bytes) -> None:
    with pytest.raises(DocumentRefused, match="damaged Word document"):
        reader.read("broken.docx", repacked(docx_of(""), {"word/document.xml": document}))


def test_entities_that_multiply_are_refused() -> None:
    entities = '<!ENTITY a0 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">' + "".join(
        f'<!ENTITY a{level} "{f"&a{level - 1};" * 30}">' for level in range(1, 7)
    )
    bomb = f'<?xml version="1.0"?><!DOCTYPE d [{entities}]><d>&a6;</d>'.encode()
    with pytest.raises(DocumentRefused, match="declares entities"):
        reader.read("bomb.docx", repacked(docx_of(""), {"word/document.xml": bomb}))


def test_another_archive_under_this_name_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(DocumentRefused, match="damaged Word document"):
        reader.read("notes.docx", buffer.getvalue())


@pytest.mark.parametrize(
    ("part", "content", "reason"),
    [
        ("word/document.xml", b"<a>" + b"<b/>" * 600_000 + b"</a>", "more than 600,000 elements"),
        ("word/media/image1.png", b"<a>" + b"<b/>" * 600_000 + b"</a>", "more than 600,000 elements"),
        ("word/_rels/document.xml.rels", b"<a>" + b"<b/>" * 10_000 + b"</a>", "more than 10,000 links"),
        ("word/styles.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "declares entities"),
        ("word/footnotes.bin", b"<a>" + b"words " * 12_000_000 + b"</a>", "more than 64 MiB of markup"),
    ],
)
def test_markup_that_would_take_long_is_refused_whatever_part_it_stands_in(part: str, content: bytes, reason: str) -> None:
    with pytest.raises(DocumentRefused, match=reason):
        reader.read("a.docx", repacked(docx({"Pump": "It pumps."}), {part: content}))


def test_large_pictures_are_no_markup() -> None:
    picture = b"\x89PNG\r\n" + b"<b/>" * 3_000_000
    assert "It pumps." in reader.read("a.docx", repacked(docx({"Pump": "It pumps."}), {"word/media/image1.png": picture})).text


def run(text: str, properties: str = "") -> str:
    return f'<w:r>{properties}<w:t xml:space="preserve">{text}</w:t></w:r>'


def para(content: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{content}</w:p>"


def numbered(level: int, list_id: int = 1) -> str:
    return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>'


def with_parts(body: str, **parts: str) -> bytes:
    """A document with further parts, each named by its kind."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    lines = "".join(f'<Relationship Id="{kind}" Type="{office}/{kind}" Target="{kind}.xml"/>' for kind in parts)
    relations = f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{lines}</Relationships>'
    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    files = {f"word/{kind}.xml": f"<w:{kind} {names}>{content}</w:{kind}>".encode() for kind, content in parts.items()}
    return repacked(docx_of(body), {"word/_rels/document.xml.rels": relations.encode(), **files})


def test_changes_are_read_as_accepted_and_hidden_words_left_out() -> None:
    body = para(
        run("It opens at ")
        + "<w:del><w:r><w:delText>six</w:delText></w:r></w:del><w:moveFrom>" + run("old") + "</w:moveFrom>"
        + "<w:ins>" + run("seven") + "</w:ins>" + run(" bar.") + run("secret", "<w:rPr><w:vanish/></w:rPr>")
    )  # fmt: skip
    assert reader.read("a.docx", docx_of(body)).text == "It opens at seven bar.\n\n"


def test_numbers_of_headings_and_lists_are_those_that_word_shows() -> None:
    def level(place: int, kind: str, text: str) -> str:
        return f'<w:lvl w:ilvl="{place}"><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/></w:lvl>'

    outline = level(0, "upperRoman", "%1.") + level(1, "decimal", "%1.%2") + level(2, "lowerLetter", "%3)")
    numbering = (
        f'<w:abstractNum w:abstractNumId="0">{outline}</w:abstractNum>'
        f'<w:abstractNum w:abstractNumId="1">{level(0, "bullet", "x")}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    )
    heading = '<w:outlineLvl w:val="0"/>'
    body = "".join(
        para(run(text), properties)
        for text, properties in [
            ("Boiler", heading + numbered(0)),
            ("Valves", numbered(1)),
            ("Seals", numbered(1)),
            ("red", numbered(2)),
            ("blue", numbered(2)),
            ("Pump", heading + numbered(0)),
            ("Motor", numbered(1)),
            ("loose", numbered(0, 2)),
        ]
    )
    document = reader.read("a.docx", with_parts(body, numbering=numbering))
    lines = [line for line in document.text.split("\n") if line]
    assert lines == ["I. Boiler", "I.1 Valves", "I.2 Seals", "a) red", "b) blue", "II. Pump", "II.1 Motor", "- loose"]
    assert [each.text for each in document.headings] == ["I. Boiler", "II. Pump"]


def test_notes_comments_boxes_headers_and_formulas_are_read() -> None:
    box = "<w:r><w:pict><w:txbxContent>" + para(run("In a box.")) + "</w:txbxContent></w:pict></w:r>"
    formula = '<m:oMath xmlns:m="urn:m"><m:r><m:t>E=mc</m:t></m:r></m:oMath>'
    references = '<w:r><w:footnoteReference w:id="3"/></w:r>' + run(" more") + '<w:r><w:commentReference w:id="5"/></w:r>'
    raw = with_parts(
        para(run("A word") + references + box + formula),
        footnotes=f'<w:footnote w:id="3">{para(run("The note."))}</w:footnote>',
        comments=f'<w:comment w:id="5">{para(run("Is it so?"))}</w:comment>',
        header=para(run("The manual")),
    )
    text = reader.read("a.docx", raw).text
    assert text == "The manual\n\nA word[1] moreE=mc\n\n[1] The note.\n\nComment: Is it so?\n\nIn a box.\n\n"


def test_a_cell_over_several_rows_stands_in_each_and_one_over_columns_in_the_first() -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{para(run(text))}</w:tc>"

    rows = [
        cell("Part") + cell("Bar") + cell("Litres"),
        cell("Valve", '<w:vMerge w:val="restart"/>') + cell("7") + cell("1"),
        cell("", "<w:vMerge/>") + cell("8") + cell("2"),
        cell("Pump", '<w:gridSpan w:val="2"/>') + cell("3"),
    ]
    table = f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"
    assert reader.read("a.docx", docx_of(table)).text.splitlines() == [
        "- Part: Valve; Bar: 7; Litres: 1",
        "- Part: Valve; Bar: 8; Litres: 2",
        "- Part: Pump; Litres: 3",
    ]


def test_pictures_are_said_to_be_missing() -> None:
    body = para(run("Words") + "<w:r><w:drawing><pic/></w:drawing></w:r>")
    assert reader.read("a.docx", docx_of(body)).missing == "left out: pictures: 1"
