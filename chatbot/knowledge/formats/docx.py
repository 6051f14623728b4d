"""Word documents, by mammoth, read through HTML: headings, lists and tables are kept, pictures are not."""

from __future__ import annotations

import io
from typing import Any

import mammoth

from chatbot.knowledge.formats.archive import Limits, opened
from chatbot.knowledge.formats.extracted import Extracted
from chatbot.knowledge.formats.html import from_markup

# A few hundred pages: mammoth takes a second for each ten thousand elements, and for links its time grows with the square.
# How deep they lie is mammoth's own matter.
_LIMITS = Limits(mebibytes=8, elements=100_000, relations=10_000, depth=100_000)


def extract(raw: bytes) -> Extracted:
    """Read a document.

    Raises:
        DocumentRefused: damaged, or it unpacks to more than could be read in some seconds.
    """
    with opened(raw, "Word document", _LIMITS):
        converted: Any = mammoth.convert_to_html(io.BytesIO(raw), convert_image=mammoth.images.img_element(_no_image))
    return from_markup(f"<body>{converted.value}</body>")


def _no_image(_image: Any) -> dict[str, str]:
    return {}
