"""Pictures (PNG, JPEG, TIFF, WebP, BMP, GIF): the words on them, with the extra `ocr`. The pages of a TIFF are pages."""

from __future__ import annotations

import io

from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from chatbot.errors import DocumentRefused
from chatbot.knowledge.formats import ocr
from chatbot.knowledge.formats.extracted import Extracted, TextBuilder
from chatbot.knowledge.formats.plain import paragraphs

_KINDS = ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"]
_MAX_PIXELS = 60_000_000
"""What a picture may unpack to before it is made smaller; some steps take four bytes a pixel three times."""
_MAX_PAGES = 200
_SMALL = 1_500
"""Pixels a side: a picture of a screen. Letters of ten pixels are read badly, of twenty well."""
_DAMAGE = (UnidentifiedImageError, OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError,
           RuntimeError)  # fmt: skip
"""What Pillow raises on files that are broken."""


def extract(raw: bytes) -> Extracted:
    """Read the words of a picture.

    Raises:
        DocumentRefused: the extra is not installed; the picture is damaged, too large, or without words.
    """
    if not ocr.available():
        raise DocumentRefused(f"it is a picture; {ocr.INSTALL}")
    try:
        with Image.open(io.BytesIO(raw), formats=_KINDS) as image:
            return _read(image)
    except Image.DecompressionBombError as error:
        raise DocumentRefused("it has more pixels than a reader may unpack; make it smaller") from error
    except _DAMAGE as error:
        raise DocumentRefused(f"damaged picture: {error}") from error


def _read(image: Image.Image) -> Extracted:
    builder = TextBuilder()
    budget = ocr.Budget()
    pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1  # of an animation the first picture
    missing: list[str] = []
    for number, frame in enumerate(ImageSequence.Iterator(image), 1):
        if number > min(pages, _MAX_PAGES):
            break
        try:
            words = ocr.read(_picture(frame), budget)
        except DocumentRefused as error:
            if number == 1:
                raise
            missing.append(f"pages from {number} on: {error}")
            break
        builder.page()
        for paragraph in paragraphs(ocr.text(words)):
            builder.block(paragraph)
    if pages > _MAX_PAGES:
        missing.append(f"pages from {_MAX_PAGES + 1} on; split the file")
    return builder.build(missing="; ".join([ocr.said(""), *missing]))


def _picture(image: Image.Image) -> ocr.Picture:
    """Upright, grey, on white where it is transparent, of a size that is read well.

    Raises:
        DocumentRefused: it has more pixels than a reader may unpack.
    """
    if image.width * image.height > _MAX_PIXELS:
        raise DocumentRefused(f"a picture of {image.width:,} by {image.height:,} pixels; make it smaller")
    image = ImageOps.exif_transpose(image)
    if "A" in image.getbands() or "transparency" in image.info:
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image.convert("RGBA"))
    grey = image.convert("L")
    factor = 2.0 if max(grey.size) < _SMALL else min(1.0, (ocr.MAX_PIXELS / (grey.width * grey.height)) ** 0.5)
    if factor != 1.0:
        grey = grey.resize((max(1, int(grey.width * factor)), max(1, int(grey.height * factor))), Image.Resampling.LANCZOS)
    return ocr.Picture(grey.tobytes(), grey.width, grey.height, grey.width)
