"""markup: a model's answer as safe HTML that does not jump while it grows."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from fakes import passage, stream_of

from chatbot.apps.markup import Mark, markdown
from chatbot.flow.cite import cite
from chatbot.flow.segment import segment
from chatbot.schema import Delta, Stop

ALLOWED = {
    **{
        tag: set[str]()
        for tag in ("p", "em", "strong", "s", "ul", "li", "blockquote", "code", "hr", "br", "h3", "h4", "h5", "h6")
    },
    **{tag: set[str]() for tag in ("table", "thead", "tbody", "tr")},
    "ol": {"start"},
    "th": {"class"},
    "td": {"class"},
    "pre": {"tabindex"},
    "span": {"class", "title"},
    "a": {"href", "title", "target", "rel"},
    "button": {"type", "class"},
    "div": {"class", "role", "aria-label", "tabindex"},
}

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://example.invalid/x.png)",
    '![x](javascript:alert(1) "t")',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x) [y](file:///etc/passwd) [z](//example.invalid) [w](/local) [m](mailto:a@example.invalid)",
    '<javascript:alert(1)> <https://example.invalid/" onmouseover="x> <a@example.invalid>',
    '[x](https://example.invalid/?a="onmouseover=alert(1)//)',
    '[x](https://example.invalid "a\\" onmouseover=\\"b")',
    "[x]: javascript:alert(1)\n\n[x]",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "`<b>` <b>x</b>\n\n<div onclick=x>\n\n</div>",
    "| <b>a</b> | b |\n|:-:|--:|\n| <i>c</i> | `|` |",
    "# <h1>\n\n<!-- x -->\n\n&lt;script&gt;",
    "\ue000" + "7\ue001 ⸨\ue0009\ue001⸩ \ue0020\ue006x\ue003",
    "$$\\href{javascript:alert(1)}{x}$$ [1] <b>[2]</b>",
]

SAMPLE = """## Installing

Install it with **pip** and *care*, then run `serve --port 7860` [1]. It is `x[0]` and **fast.** [2]

1. Create an environment. [1]
2. Run it:
   - a nested item with a [link](https://example.org/a?b=1) here
3. **Done** at last

```python
values = [1, 2]

print(values[0])  # *not* emphasis
```

| Format | Reader |
|:-------|-------:|
| PDF | pypdfium2 [1] |
| Text | none |

> A quotation of two
> lines. [2]

The end of it.
"""


class _Read(HTMLParser):
    """Elements, whether they nest, and text as a person sees it."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(markup)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("hr", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _shown(text: str, *marks: Mark, growing: bool = False) -> str:
    return markdown(text, lambda k, number: f"<span>{k}:{number}</span>", marks, growing)


@pytest.mark.parametrize("growing", [False, True])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_brings_nothing_that_is_not_allowed(text: str, growing: bool) -> None:
    for where in (text, f"- {text}", f"> {text}", f"| a |\n|---|\n| {text} |", f"**{text}** [1]"):
        shown = _shown(where, Mark(0, len(where), '"><b>'), growing=growing)

        assert "\n" not in shown
        for tag, attributes in _Read(shown).elements:
            assert attributes.keys() <= ALLOWED[tag]
            if tag == "a":
                assert re.match("https?://", attributes["href"] or "")
                assert attributes["rel"] == "noopener noreferrer nofollow"
                assert attributes["title"] == attributes["href"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A\n\n##### B", "<h3>A</h3><h6>B</h6>"),
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("3. a\n\n   b", '<ol start="3"><li><p>a</p><p>b</p></li></ol>'),
        ("a\nb", "<p>a\nb</p>"),
        ("    indented", "<p>indented</p>"),
        ("a\n---\nb", "<p>a</p><hr><p>b</p>"),
        ("![a picture](https://x.invalid/y.png)", "<p>a picture (https://x.invalid/y.png)</p>"),
        ("[words](ftp://x.invalid)", "<p>words (ftp://x.invalid)</p>"),
        ("`x[0]` is so [1].", '<p><code>x[0]</code> is <span class="kept">so<span>0:1</span></span>.</p>'),
        ("**so.** [1][2]", '<p><strong>so.</strong><span class="kept"><span>0:1</span><span>1:2</span></span></p>'),
        ("_so_ [1]", '<p><em>so</em><span class="kept"><span>0:1</span></span></p>'),
    ],
)
def test_markdown_becomes_html(text: str, expected: str) -> None:
    assert html.unescape(_shown(text)) == expected


def test_code_keeps_its_lines_and_what_looks_like_a_marker() -> None:
    shown = html.unescape(_shown("```py\nx = y[1]\n\n  z\n```\nSo. [1]"))

    assert "<span>py</span>" in shown
    assert "<code>x = y[1]\n\n  z</code></pre>" in shown
    assert shown.count("0:1") == 1


def test_a_marked_sentence_is_underlined_and_says_why_also_across_elements() -> None:
    text = "Fine. Pans are **very** `flat` indeed. Fine."
    shown = html.unescape(_shown(text, Mark(6, 38, "Not found.")))

    assert _Read(shown).text == "Fine. Pans are very flat indeed (Not found.). Fine."
    assert shown.count('<span class="uncited" title="Not found.">') == 5
    assert '<span class="unseen"> (Not found.)</span>. Fine.' in shown


def test_a_mark_ends_with_its_paragraph_even_in_an_address() -> None:
    text = "See [this](https://x.invalid/a)\n\nNext."

    assert html.unescape(_shown(text, Mark(0, 31, "No."))).endswith("</p><p>Next.</p>")


async def test_a_growing_answer_only_grows() -> None:
    items = [Delta(text=character) for character in SAMPLE]
    passages = [passage("One.", 1), passage("Two.", 2)]
    raw, texts, tags = "", list[str](), list[list[str]]()
    async for item in cite(segment(stream_of([*items, Stop()])), passages):
        if isinstance(item, Delta):
            raw += item.text
            read = _Read(_shown(raw, growing=True))
            texts.append(" ".join(read.text.split()))
            tags.append([tag for tag, _ in read.elements])

    final = _Read(_shown(raw))
    for before, after in zip(texts, [*texts[1:], " ".join(final.text.split())], strict=True):
        assert after.startswith(before), (before, after)
    assert all(found == [tag for tag, _ in final.elements][: len(found)] for found in tags)


def test_what_came_before_is_not_read_again() -> None:
    text = "\n\n".join(f"Paragraph {n} is **here**. [1]" for n in range(50))

    assert _shown(text) == "".join(_shown(part) for part in text.split("\n\n")).replace("0:1", "{}").format(
        *(f"{k}:1" for k in range(50))
    )
