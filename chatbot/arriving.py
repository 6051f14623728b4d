"""Cuts an answer into sentences while it arrives. It knows Markdown's blocks, code and markers, and nothing about what is said.

What more text could still change is held back: a stop, a marker's beginning, code between backticks, what may open a block.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from chatbot import markers
from chatbot.language.sentences import is_abbreviation, next_word, trim

_SPECIAL = re.compile("[\n`.!?…。！？]")
_STOP = re.compile(rf"[.!?…]++(?:[\"'”’)\]*_]+)?{markers.RUN}")
_WIDE_STOP = re.compile(rf"[。！？]++[」』”’）*_]*+{markers.RUN}")
_TICKS = re.compile(markers.TICKS)
_TICKS_OR_LINE_END = re.compile(r"`+|\n")
_FENCE = re.compile(rf"{markers.LEAD}(?P<fence>{markers.FENCE})", re.MULTILINE)
_ITEM = re.compile(r"(?:(?:[-*+•]|\d{1,2}[.)])(?:[ \t]+|(?=\n))){1,8}")
_HEADING_OR_ROW = re.compile(r"#{1,6}[ \t]|\|")
_UNCLEAR = re.compile(rf"{markers.LEAD}(?:[-*+•>]|\d{{1,2}}[.)]?|#{{1,6}}|`{{1,2}}|`{{3,}}[^`\n]*|~{{1,2}}|~{{3,}}[^\n]*)?\Z")
"""The beginning of a line that may yet become an item, a heading or a block of code."""
_MAY_CLOSE = re.compile(r"[ \t>]*[`~]*[ \t]*\Z")

_CONTEXT = 16
"""Characters already understood that a stop's meaning may depend on."""


class Piece(NamedTuple):
    text: str
    """May be empty where a sentence turns out to have ended."""
    is_code: bool
    ends: bool
    """A sentence ends with it."""


class Arriving:
    """One answer. A sentence is what prose means by it; also a heading, an item, a table's row, and a whole block of code."""

    def __init__(self) -> None:
        self._text = ""
        """A little of what was let go, then what is held."""
        self._gone = 0
        """Up to here it was let go."""
        self._at = 0
        """Up to here it is understood."""
        self._sure = 0
        """Up to here nothing that may come changes the text, only where its sentence ends."""
        self._looked = 0
        """Up to here there is no partner for the backticks at `_at`."""
        self._fence = ""
        self._inside_code_line = False
        self._starts_line = True
        self._is_line = False
        """In a heading or a row, which end with their line only."""
        self._is_due = False
        """A sentence has ended, and the next word begins another."""
        self._is_first = True
        self._is_last = False
        self._pieces: list[Piece] = []

    def feed(self, text: str) -> list[Piece]:
        """What can grow no more, now that `text` has come."""
        kept = max(0, min(self._gone, self._at) - _CONTEXT)
        self._text = self._text[kept:] + text
        self._gone, self._at, self._looked = self._gone - kept, self._at - kept, max(0, self._looked - kept)
        self._sure = 0
        while self._step():
            pass
        sure = max(self._at, self._sure)
        is_bare = self._fence or self._is_last or sure == len(self._text)
        self._let_go(sure if is_bare else min(sure, markers.begun(self._text)))
        pieces, self._pieces = self._pieces, []
        return pieces

    def finish(self) -> list[Piece]:
        """All that was held."""
        self._is_last = True
        pieces = self.feed("")
        self._let_go(len(self._text))
        return pieces + self._pieces

    def _step(self) -> bool:
        """False when more text is needed."""
        if self._starts_line:
            return self._begin_line()
        return self._code_line() if self._fence else self._prose()

    def _begin_line(self) -> bool:
        word = next_word(self._text, self._at)
        if word == len(self._text) or (not self._is_last and _UNCLEAR.match(self._text, word)):
            return False
        fence = _FENCE.match(self._text, word)
        item = _ITEM.match(self._text, word)
        is_line = bool(_HEADING_OR_ROW.match(self._text, word))
        is_blank = self._text.count("\n", self._at, word) > 1
        if not self._is_first and (self._is_due or self._is_line or is_blank or fence or item or is_line):
            self._let_go(word, ends=True)
        self._is_first = self._starts_line = self._is_due = False
        self._is_line = is_line
        self._at = item.end() if item else word
        if fence:
            self._let_go(word)
            self._fence, self._inside_code_line, self._at = fence["fence"], True, fence.end()
        return True

    def _code_line(self) -> bool:
        end = self._text.find("\n", self._at)
        if not self._inside_code_line and self._closes(end):
            self._at = end if end >= 0 else len(self._text)
            self._let_go(self._at)
            self._fence, self._starts_line, self._is_due = "", True, True
            return True
        if end >= 0:
            self._at, self._inside_code_line = end + 1, False
        elif self._is_last or self._inside_code_line or not _MAY_CLOSE.match(self._text, self._at):
            self._at, self._inside_code_line = len(self._text), True
        return end >= 0

    def _closes(self, end: int) -> bool:
        if end < 0 and not self._is_last:
            return False
        line = self._text[self._at : end if end >= 0 else None].strip(" \t")
        return line.lstrip(" \t>").startswith(self._fence) and not line.lstrip(" \t>").strip("`~")

    def _prose(self) -> bool:
        special = _SPECIAL.search(self._text, self._at)
        if not special:
            self._at = max(self._at, len(self._text) if self._is_last else markers.begun(self._text))
            return False
        self._at = special.start()
        if special.group() == "\n":
            self._starts_line = True
            return True
        if special.group() == "`":
            return self._ticks()
        if self._is_line:
            self._at += 1
            return True
        return self._stop()

    def _ticks(self) -> bool:
        """Step over code, or over backticks that open none."""
        run = _TICKS_OR_LINE_END.match(self._text, self._at)
        assert run
        if not self._holds(run.end()):
            return False
        if not _TICKS.match(self._text, self._at):
            self._at = run.end()
            return True
        for other in _TICKS_OR_LINE_END.finditer(self._text, max(self._looked, run.end())):
            if other.group() == "\n":
                break
            if not self._holds(other.end()):
                self._looked = other.start()
                return False
            if other.group() == run.group() and not self._text.startswith(markers.JOINER, other.end()):
                self._let_go(self._at)
                self._let_go(other.end(), is_code=True)
                self._at, self._looked = other.end(), 0
                return True
        else:
            if not self._is_last:
                self._looked = len(self._text)
                return False
        self._at, self._looked = run.end(), 0
        return True

    def _stop(self) -> bool:
        """Step over a stop; where it ends a sentence, up to the next word."""
        start = self._at
        is_wide = self._text[start] in "。！？"
        stop = (_WIDE_STOP if is_wide else _STOP).match(self._text, start)
        assert stop
        word = next_word(self._text, stop.end())
        is_end = is_wide or word > stop.end()
        begun = len(self._text) if self._is_last else markers.begun(self._text)
        if not self._is_last and (begun <= word or (is_end and _UNCLEAR.match(self._text, word))):
            self._sure = min(begun, word)
            return False
        self._at = stop.end()
        if not is_end or word == len(self._text) or is_abbreviation(self._text, start, stop.end()):
            return True
        if "\n" in self._text[stop.end() : word]:
            self._at, self._is_due, self._starts_line = stop.end(), True, True
        elif not _FENCE.match(self._text, word):  # behind words it is none, and must not become one
            self._let_go(word, ends=True)
            self._at = word
        return True

    def _holds(self, position: int) -> bool:
        """Something follows, or nothing ever will."""
        return self._is_last or position < len(self._text)

    def _let_go(self, end: int, *, ends: bool = False, is_code: bool | None = None) -> None:
        text = self._text[self._gone : end]
        if text or ends:
            self._pieces.append(Piece(text, bool(self._fence) if is_code is None else is_code, ends))
            self._gone = max(self._gone, end)


def split(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of an answer, without the white space around them and a list's bullets."""
    arriving, spans, start, end = Arriving(), list[tuple[int, int]](), 0, 0
    for piece in [*arriving.feed(text), *arriving.finish()]:
        end += len(piece.text)
        if piece.ends:
            spans.append(trim(text, start, end))
            start = end
    return [*spans, trim(text, start, end)] if start < end else spans
