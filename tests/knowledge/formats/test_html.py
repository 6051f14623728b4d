"""HTML: what people read is kept in order, what surrounds it is not, and no page can hang or crash the reader."""

from __future__ import annotations

import time

import pytest

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import html
from chatbot.knowledge.formats.extracted import Extracted


def read(markup: str) -> Extracted:
    return html.extract(markup.encode())


@pytest.mark.parametrize(
    "noise",
    [
        "<script>noise()</script>",
        "<style>.noise{}</style>",
        "<nav><a>noise</a></nav>",
        "<div role=navigation>noise</div>",
        "<div hidden>noise</div>",
        "<span aria-hidden=true>noise</span>",
        "<noscript>noise</noscript>",
        "<template><p>noise</p></template>",
        "<button>noise</button>",
        "<label>noise</label>",
        "<select><option>noise</select>",
        "<svg><text>noise</text></svg>",
        "<!-- noise -->",
    ],
)
def test_what_is_not_read_by_people_is_left_out(noise: str) -> None:
    assert read(f"<body>{noise}<p>kept {noise} words</p>{noise}</body>").text.split() == ["kept", "words"]


def test_a_page_that_is_one_big_form_is_read() -> None:
    assert (
        read("<body><form id=aspnetForm><h1>Rates</h1><p>The rate is 3 %.</p></form></body>").text
        == "Rates\n\nThe rate is 3 %.\n\n"
    )


def test_only_the_main_part_is_read_where_there_is_one() -> None:
    assert read("<body><header>logo</header><main><p>kept</p></main><footer>imprint</footer></body>").text == "kept\n\n"


def test_articles_are_the_page_where_nothing_is_marked_main() -> None:
    assert read("<body><p>teaser</p><article>one</article><article>two</article></body>").text == "one\n\ntwo\n\n"


@pytest.mark.parametrize(
    "markup",
    ["<main><p>a</p><div role=main><p>b</p></div></main>", "<article><p>a</p><article><p>b</p></article></article>"],
)
def test_a_part_inside_a_part_is_read_once(markup: str) -> None:
    assert read(markup).text == "a\n\nb\n\n"


def test_headings_are_kept_with_their_level() -> None:
    page = read("<h1>Book</h1><p>x</p><h2>Chapter <em>one</em>¶</h2><p>y</p><h6>Small</h6>")
    assert [(heading.level, heading.text) for heading in page.headings] == [(1, "Book"), (2, "Chapter one"), (6, "Small")]
    assert page.title == "Book"


@pytest.mark.parametrize(
    ("heading", "text"),
    [
        ("Introduction to C#", "Introduction to C#"),
        ("F# and C# ¶", "F# and C#"),
        ("Chapter one¶", "Chapter one"),
        ("Chapter one <a href=#one>#</a>", "Chapter one"),
        ("Setting ##", "Setting"),
    ],
)
def test_a_permalink_behind_a_heading_is_left_out_and_a_sharp_is_not(heading: str, text: str) -> None:
    assert read(f"<h2>{heading}</h2>").headings[0].text == text


def test_the_title_element_names_a_page_without_a_first_heading() -> None:
    assert read("<title> My \n page </title><h2>Part</h2><p>x</p>").title == "My page"


def test_lists_stay_together() -> None:
    assert read("<p>We need:</p><ul><li>nails</li><li>a <b>hammer</b></li></ul><p>Then:</p>").text == (
        "We need:\n\n- nails\n- a hammer\n\nThen:\n\n"
    )


def test_code_keeps_its_lines() -> None:
    assert read("<pre>def f():\n    return 1</pre>").text == "def f():\n    return 1\n\n"


def test_a_line_break_sets_words_apart() -> None:
    page = read(
        "<h1>One<br>two</h1><p>three<br>four <span>five<br>six</span></p><ul><li>seven<br>eight</li></ul><pre>9<br>10</pre>"
    )
    assert page.text == "One two\n\nthree four five six\n\n- seven eight\n\n9\n10\n\n"


def test_each_row_of_a_table_keeps_its_headers() -> None:
    table = "<tr><!-- x --><th>Part</th><th>Bar</th></tr><tr><td>Valve</td><td>7</td></tr><tr><td>Pump</td><td>3</td></tr>"
    assert read(f"<table>{table}</table>").text == "- Part: Valve; Bar: 7\n- Part: Pump; Bar: 3\n"


def test_a_caption_is_kept() -> None:
    assert read("<table><caption>Pressures</caption><tr><td>7</td></tr></table>").text == "Pressures\n\n- 7\n"


def test_paragraphs_in_a_cell_are_set_apart() -> None:
    assert read("<table><tr><td><p>one</p><p>two</p></td><td>three<ul><li>four</li></ul></td></tr></table>").text == (
        "- one two; three - four\n"
    )


def test_a_cell_over_several_columns_moves_no_header() -> None:
    table = "<tr><th>Name</th><th colspan=2>Price</th><th>Stock</th></tr><tr><td>A</td><td>1</td><td>2</td><td>9</td></tr>"
    assert read(f"<table>{table}</table>").text == "- Name: A; Price: 1; 2; Stock: 9\n"


def test_below_a_cell_over_several_rows_no_header_is_guessed() -> None:
    table = (
        "<tr><th>Name</th><th>May</th><th>June</th></tr>"
        "<tr><td rowspan=2>A</td><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr>"
    )
    assert read(f"<table>{table}</table>").text == "- Name: A; May: 1; June: 2\n- 3; 4\n"


def test_a_table_of_headers_alone_is_kept() -> None:
    assert read("<table><tr><th>Name</th><th>Price</th></tr></table>").text == "- Name; Price\n"


@pytest.mark.parametrize("span", ["0", "-3", "x", "", "99999999999", "9" * 5_000, "²"])
def test_a_nonsense_span_is_no_harm(span: str) -> None:
    assert "cell" in read(f"<table><tr><td colspan='{span}'>cell</td></tr></table>").text


def test_a_table_inside_a_table_is_read_once() -> None:
    inner = "<table><tr><td>inner</td></tr></table>"
    assert read(f"<table><tr><td>outer {inner}</td></tr></table>").text.count("inner") == 1


def test_characters_written_as_entities_are_characters() -> None:
    assert read("<p>5 &lt; 7 &amp; caf&eacute;&nbsp;&#8364;</p>").text == "5 < 7 & café €\n\n"


def test_a_page_may_declare_its_encoding() -> None:
    markup = '<meta charset="windows-1253"><p>Η σύμβαση μπορεί να καταγγελθεί</p>'
    assert html.extract(markup.encode("cp1253")).text == "Η σύμβαση μπορεί να καταγγελθεί\n\n"


def test_a_wrong_declaration_does_not_stop_the_reading() -> None:
    assert html.extract('<meta charset="klingon"><p>café au lait</p>'.encode("latin-1")).text == "café au lait\n\n"


def test_deep_but_honest_nesting_is_read() -> None:
    assert read("<div>" * 200 + "hello" + "</div>" * 200).text == "hello\n\n"


@pytest.mark.parametrize(
    "tag",
    [
        "<div>",
        "<ul><li>",
        "<table><tr><td>",
        "<blockquote>",
        "<x-box>",
        "<span>",
        "<section><div>",
        "<center>",
        "<fieldset>",
        "<dd><li>",
    ],
)
@pytest.mark.parametrize("depth", [400, 20_000])
def test_absurd_nesting_is_refused_within_seconds(tag: str, depth: int) -> None:
    started = time.monotonic()
    with pytest.raises(DocumentRefused, match="nested more than 300 levels deep"):
        read(tag * depth + "<p>hello</p>")
    assert time.monotonic() - started < 5


def test_deep_nesting_without_blocks_is_just_text() -> None:
    assert read("<b>" * 20_000 + "hello").text == "hello\n\n"


def test_many_blocks_side_by_side_are_not_deep() -> None:
    assert read("<div>a</div>" * 5_000).text.count("a") == 5_000


def test_a_tag_of_absurdly_many_attributes_is_refused() -> None:
    with pytest.raises(DocumentRefused, match="a tag of more than 4,000 attributes"):
        read(f"<p {' '.join(f'a{number}=1' for number in range(100_000))}>hello")


def test_a_long_tag_of_few_attributes_is_read() -> None:
    assert read(f"""<p title="{"a b=1 " * 20_000}" class='{"c d " * 20_000}'>hello""").text == "hello\n\n"


def test_many_lists_in_lists_side_by_side_are_not_deep() -> None:
    assert read("<dl>" + "<dt>a<dd><ul><li>b<li>c</ul>" * 1_500 + "</dl>").text.count("c") == 1_500


def test_spans_without_end_lose_no_cell() -> None:
    page = read(f"<table><tr><th>h<th>i<tr>{'<td colspan=1000>cell' * 5_000}</table>")
    assert page.text.count("cell") == 5_000
    assert page.text.startswith("- h: cell; cell")
