"""Numbers as a spreadsheet shows them, by the cell's format code: `0.0%` shows 0.25 as 25.0%.

Dates whose look is the reader's own setting are written as year-month-day.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

_BUILT_IN = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "General",
    13: "General", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM",
    20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;-#,##0", 38: "#,##0;-#,##0", 39: "#,##0.00;-#,##0.00",
    40: "#,##0.00;-#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "0.0E+0", 49: "@",
}  # fmt: skip
"""Source: ECMA-376 part 1, 18.8.30; 12 and 13 are fractions, which are shown as decimals here."""
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_.|\*.|\[\$(?P<currency>[^\]-]*)[^\]]*\]|(?P<elapsed>\[(?:h+|m+|s+)\])|\[[^\]]*\]'
    r"|(?P<general>general)|(?P<half>AM/PM|A/P)"
    r"|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?)|(?P<digits>[0#?][0#?,]*(?:\.[0#?]*,*)?|\.[0#?]+)(?P<exponent>E[+-]0+)?"
    r"|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_GENERAL = re.compile("general|@", re.IGNORECASE)
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_MAX_CODE = 255
_DAYS_TO_9999 = 2_958_466


def built_in(number: int) -> str:
    """The code of a format that a file only numbers."""
    return _BUILT_IN.get(number, "General")


def shown(text: str, code: str, since_1904: bool = False) -> str:
    """A number as its format shows it; `text` as it is where it is no number. Some days count from 1904, the others from 1900."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    if not value.is_finite() or abs(value) >= Decimal("1e300") or len(code) > _MAX_CODE:
        return text
    if code == "General":
        return _general(value)
    tokens, negated = _section(code, value)
    kinds = {match.lastgroup for match in tokens}
    if kinds & {"date", "elapsed"}:
        return _date(float(value), tokens, since_1904)
    if any(match["digits"] for match in tokens):
        return _number(-value if negated else value, tokens)
    literal = "".join(map(_literal, tokens))
    return _GENERAL.sub(_general(value), literal, count=1) if tokens else _general(value)


def _section(code: str, value: Decimal) -> tuple[list[re.Match[str]], bool]:
    """The part of the code that is for this sign, and whether it writes the minus itself."""
    sections: list[list[re.Match[str]]] = [[]]
    for match in _TOKEN.finditer(code):
        if match["other"] == ";":
            sections.append([])
        else:
            sections[-1].append(match)
    if value < 0 and len(sections) > 1:
        return sections[1], True
    return (sections[2] if value == 0 and len(sections) > 2 else sections[0]), False


def _literal(match: re.Match[str]) -> str:
    return next((match[name] for name in ("quoted", "escaped", "currency", "general", "other") if match[name]), "")


def _general(value: Decimal) -> str:
    if value == value.to_integral_value() and abs(value) < Decimal("1e15"):
        return str(int(value))
    return f"{float(value):.10g}"


def _number(value: Decimal, tokens: list[re.Match[str]]) -> str:
    pattern = [match for match in tokens if match["digits"]]
    value *= 100 ** sum(match["other"] == "%" for match in tokens)
    if len(pattern) > 1:  # 000-00-0000, or a fraction
        return _split_digits(value, tokens, pattern)
    digits = pattern[0]["digits"].rstrip(",")
    value /= 1000 ** (len(pattern[0]["digits"]) - len(digits))
    whole, _, decimals = digits.partition(".")
    if pattern[0]["exponent"]:
        core = f"{float(value):.{len(decimals)}E}"
    else:
        rounded = value.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP) if abs(value) < Decimal("1e20") else value
        core = f"{abs(rounded):{',' if ',' in whole else ''}f}"
        integer, _, fraction = core.partition(".")
        optional = len(decimals) - len(decimals.rstrip("#?"))
        kept = len(fraction.rstrip("0"))
        fraction = fraction[: max(kept, len(fraction) - optional)]
        core = integer.zfill(whole.count("0")) + (f".{fraction}" if fraction else "")
        core = f"-{core}" if rounded < 0 else core
    sign = "-" if core.startswith("-") else ""
    return (sign + "".join(core.lstrip("-") if match["digits"] else _literal(match) for match in tokens)).strip()


def _split_digits(value: Decimal, tokens: list[re.Match[str]], pattern: list[re.Match[str]]) -> str:
    if any(match["other"] == "/" for match in tokens):
        return _general(value)
    digits = str(abs(int(value.to_integral_value()))).zfill(sum(len(match["digits"]) for match in pattern))
    parts: list[str] = []
    for match in reversed(tokens):
        if match is pattern[0]:
            parts.append(digits)
        elif match["digits"]:
            parts.append(digits[-len(match["digits"]) :])
            digits = digits[: -len(match["digits"])]
        else:
            parts.append(_literal(match))
    return ("-" if value < 0 else "") + "".join(reversed(parts)).strip()


def _date(days: float, tokens: list[re.Match[str]], since_1904: bool) -> str:
    if not 0 <= days < _DAYS_TO_9999 - 1462 * since_1904:
        return _general(Decimal(repr(days)))
    # day 60 is a 29 February 1900 that never was, so days before it are one off
    origin = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30 + (days < 60))
    half = any(match["half"] for match in tokens)
    fine = any("." in (match["date"] or "") for match in tokens)
    moment = origin + timedelta(seconds=round(days * 86400, 3 if fine else 0))
    parts: list[str] = []
    clock = [match for match in tokens if match["date"] or match["elapsed"]]
    for match in tokens:
        if match["elapsed"]:
            parts.append(str(int(round(days * 86400) // {"h": 3600, "m": 60, "s": 1}[match["elapsed"][1].lower()])))
        elif match["half"]:
            parts.append("PM" if moment.hour >= 12 else "AM")
        elif match["date"]:
            at = clock.index(match)
            before = (clock[at - 1][0].strip("[]").lower() if at else "")[:1]
            after = (clock[at + 1][0].lower() if at + 1 < len(clock) else "")[:1]
            minutes = before == "h" or after == "s"
            parts.append(_date_part(match["date"].lower(), moment, minutes, half))
        else:
            parts.append(_literal(match))
    return "".join(parts).strip()


def _date_part(token: str, moment: datetime, minutes: bool, half: bool) -> str:
    width = len(token)
    if token[0] == "y":
        return f"{moment.year:04d}" if width > 2 else f"{moment.year % 100:02d}"
    if token[0] == "d":
        name = _DAYS[moment.weekday()]
        return name[: 3 if width == 3 else None] if width > 2 else f"{moment.day:0{width}d}"
    if token[0] == "m" and not minutes:
        name = _MONTHS[moment.month - 1]
        return name[: {3: 3, 5: 1}.get(width)] if width > 2 else f"{moment.month:0{width}d}"
    if token[0] == "s":
        whole, _, fraction = token.partition(".")
        digits = f".{moment.microsecond:06d}"[: len(fraction) + 1] if fraction else ""
        return f"{moment.second:0{min(len(whole), 2)}d}{digits}"
    number = moment.minute if token[0] == "m" else (moment.hour - 1) % 12 + 1 if half else moment.hour
    return f"{number:0{min(width, 2)}d}"
