"""Days out of the dates that documents and web servers write: ISO 8601, the one of PDF, the one of mail and HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

_ISO_OR_PDF = re.compile(r"\s*(?:D:)?(\d{4})[-/]?(\d\d)[-/]?(\d\d)(?:\d{4}|\d{6})?(?!\d)")
_LONGEST = 100
"""Characters: a date with its day's name, its zone and a remark on that."""
_FIRST_YEAR = 1970
"""What is dated before was not written with a computer: the clock was not set, or a program filled in its zero."""


def first_day(written: Iterable[str | None]) -> str:
    """Day of the first of some dates that can be read, as YYYY-MM-DD; empty where none can."""
    return next(filter(None, map(day, written)), "")


def day(written: str | None) -> str:
    """As YYYY-MM-DD; empty for what is no date, or none between 1970 and tomorrow."""
    if not written or len(written) > _LONGEST:
        return ""
    try:
        if found := _ISO_OR_PDF.match(written):
            said = date(*map(int, found.groups()))
        else:
            said = parsedate_to_datetime(written.strip()).date()
    except (ValueError, OverflowError):
        return ""
    # somewhere on earth it is tomorrow already
    is_possible = said.year > _FIRST_YEAR and said.toordinal() <= datetime.now(UTC).date().toordinal() + 1
    return said.isoformat() if is_possible else ""


def of_clock(seconds: float) -> str:
    """The day, in UTC, of a file's time of change; empty for what no clock shows."""
    try:
        return day(datetime.fromtimestamp(seconds, UTC).date().isoformat())
    except (ValueError, OverflowError, OSError):
        return ""
