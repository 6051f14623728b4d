"""PowerPoint: slides are pages, their titles headings, and what is written beside them is kept."""

from __future__ import annotations

import io

from documents import repacked
from office import pptx, saved
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from chatbot.knowledge.formats.pptx import extract

BOX = (Inches(1), Inches(1), Inches(4), Inches(2))
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def slide_of(presentation, title: str = "Boiler"):
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    slide.shapes.title.text = title
    return slide


def test_slides_are_pages_and_their_titles_headings() -> None:
    document = extract(pptx({"Boiler": "The valve opens.", "Pump": "It pumps."}))
    assert document.text == "Boiler\n\nThe valve opens.\n\nPump\n\nIt pumps.\n\n"
    assert [heading.text for heading in document.headings] == ["Boiler", "Pump"]
    assert document.page_starts == (0, document.text.index("Pump"))


def test_points_become_a_list() -> None:
    assert extract(pptx({"Boiler": "one\ntwo"})).text == "Boiler\n\n- one\n- two\n"


def test_a_table_keeps_its_headers() -> None:
    presentation = Presentation()
    grid = slide_of(presentation).shapes.add_table(2, 2, *BOX).table
    for row, texts in enumerate([["Part", "Bar"], ["Valve", "7"]]):
        for column, text in enumerate(texts):
            grid.cell(row, column).text = text
    assert "- Part: Valve; Bar: 7\n" in extract(saved(presentation)).text


def test_a_charts_data_and_the_words_in_groups_are_read() -> None:
    presentation = Presentation()
    slide = slide_of(presentation)
    data = CategoryChartData()
    data.categories = ["2024", "2025"]
    data.add_series("Ducks", (120, 130.5))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *BOX, data)
    slide.shapes.add_group_shape().shapes.add_textbox(*BOX).text_frame.text = "grouped words"
    text = extract(saved(presentation)).text
    assert "- 2024; Ducks: 120\n- 2025; Ducks: 130.5\n" in text
    assert "grouped words" in text


def test_speaker_notes_are_read() -> None:
    presentation = Presentation()
    slide_of(presentation).notes_slide.notes_text_frame.text = "Say it slowly."
    assert extract(saved(presentation)).text == "Boiler\n\nNotes: Say it slowly.\n\n"


def test_comments_are_read() -> None:
    comments = '<p:cmLst xmlns:p="urn:p"><p:cm><p:text>Is that so?</p:text></p:cm></p:cmLst>'
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId9" Type="{RELATIONS}/comments" Target="../comments/comment1.xml"/></Relationships>'
    )
    parts = {"ppt/comments/comment1.xml": comments.encode(), "ppt/slides/_rels/slide1.xml.rels": relations.encode()}
    assert "Comment: Is that so?\n" in extract(repacked(pptx({"Boiler": "Hot."}), parts)).text


def test_a_hidden_slide_is_left_out_and_said() -> None:
    presentation = Presentation()
    slide_of(presentation, "Seen")
    slide_of(presentation, "Secret")._element.set("show", "0")
    document = extract(saved(presentation))
    assert document.text == "Seen\n\n"
    assert document.missing == "1 hidden slide left out"
    assert len(document.page_starts) == 2


def test_pictures_are_said_to_be_missing() -> None:
    presentation = Presentation()
    pixel = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
    slide_of(presentation).shapes.add_picture(io.BytesIO(pixel), *BOX)
    assert extract(saved(presentation)).missing == "1 picture left out"


def test_a_footer_is_read_once() -> None:
    presentation = Presentation()
    for title in ("One", "Two"):
        slide = slide_of(presentation, title)
        footer = slide.shapes.add_textbox(*BOX)
        footer.text_frame.text = "Acme Ltd"
        properties = footer._element.nvSpPr.nvPr
        properties.append(properties.makeelement(properties.tag.replace("nvPr", "ph"), {"type": "ftr"}))
    assert extract(saved(presentation)).text.count("Acme Ltd") == 1
