"""A chart's numbers, as the office programs keep them in its markup: a row for each category, a column for each series."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from chatbot.knowledge.formats.extracted import TextBuilder
from chatbot.knowledge.formats.number_format import shown

_MAX_POINTS = 1_000


def write_chart(builder: TextBuilder, chart: Element) -> None:
    """Write the title and the data of a chart part."""
    title = chart.find("chart/title/tx/rich")
    if title is not None:
        builder.block("".join(text.text or "" for text in title.iter("t")))
    series = list(chart.iter("ser"))
    names = [next(iter(_points(one.find("tx")).values()), "") for one in series]
    values = [_points(one.find("val") if one.find("val") is not None else one.find("yVal")) for one in series]
    categories: dict[int, str] = {}
    for one in series:
        categories |= _points(one.find("cat") if one.find("cat") is not None else one.find("xVal"))
    for index in sorted({*categories, *(index for points in values for index in points)})[:_MAX_POINTS]:
        builder.row([categories.get(index, ""), *(points.get(index, "") for points in values)], ["", *names])


def _points(data: Element | None) -> dict[int, str]:
    if data is None:
        return {}
    code = data.findtext(".//formatCode") or "General"
    points = {int(point.get("idx", "0")): point.findtext("v") or "" for point in data.iter("pt")}
    number = data.find("numRef") is not None or data.find("numLit") is not None
    return {index: shown(text, code) if number else text for index, text in points.items()} or (
        {0: data.findtext("v") or ""} if data.find("v") is not None else {}
    )
