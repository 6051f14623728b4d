"""A sheet's cells as text, with bounds on what its merged cells may add."""

from __future__ import annotations

from chatbot.knowledge.formats import sheet
from chatbot.knowledge.formats.extracted import TextBuilder
from chatbot.knowledge.formats.sheet import Merged

ROWS = 20_000


def test_merged_cells_are_filled_down_until_they_would_be_too_many() -> None:
    cells = {(row, 0): "7" for row in range(ROWS)} | {(0, column): str(column) for column in range(1, 15)}
    builder = TextBuilder()
    sheet.write(builder, "S", cells, [Merged(0, column, ROWS - 1, column) for column in range(1, 15)])
    filled = sheet.MAX_CELLS // (ROWS - 1)
    assert 0 < filled < 14
    last = builder.build().text.splitlines()[-1]
    assert last == "; ".join(["- 7", *(str(column) for column in range(1, filled + 1))])
