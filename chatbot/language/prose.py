"""Tells sentences that people read from headings, tables and code: those alone are quoted, and weighed as evidence."""

from __future__ import annotations

import re
import unicodedata

from chatbot.language import sentences

_REFERENCE = re.compile(r"(?:\s+|(?<=[.,;:!?”\"']))(?:\[\d{1,3}\])+")
"""A reference of the document's own, as in "Vaswani [2]": its list is not here, and readers would take it for one of ours."""

_CODE = re.compile(r">>> |^[{<$]|\": |\\$|(?:^|\s)(?:curl|pip|import|sudo) \S*[-./:=]")
"""Signs of a program, a command or data, which letters alone do not give away."""

_DANGLES = re.compile(
    r"(?:this|these|that|those|it|they|he|she|one|another|both|such|others?|finally|however|therefore|thus|hence|instead|also|"
    r"then|otherwise|moreover|furthermore|similarly|likewise|and|but|so|or)\b",
    re.IGNORECASE,
)
"""Openings that lean on the sentence before: the two are quoted together."""

_END = re.compile(r"[.!?…。！？][\"'”’)\]」』）]*$")

_MIN_WORDS = 4
_MIN_LETTERS = 0.75
"""Share of letters, digits and spaces; text that people read has more, code less."""

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_LETTERS_A_WORD = 2
"""Scripts without spaces (Thai, Lao, Burmese, Khmer, Japanese, Chinese): about so many characters make a word."""


def quotable(text: str) -> list[tuple[tuple[int, int], str]]:
    """The sentences of a document that may be quoted: where each stands, and its words on one line without references."""
    found = [((start, end), _REFERENCE.sub("", " ".join(text[start:end].split()))) for start, end in sentences.split(text)]
    return [(span, said) for span, said in found if is_prose(said)]


def is_prose(sentence: str) -> bool:
    """False for headings, crumbs of tables, lines of code, and words that only announce what follows."""
    # a mark, such as a Hindi vowel sign, belongs to its letter
    letters = sum(character.isspace() or unicodedata.category(character)[0] in "LMN" for character in sentence)
    words = len(sentence.split()) + len(_UNSPACED.findall(sentence)) / _LETTERS_A_WORD
    is_text = letters >= _MIN_LETTERS * len(sentence) and not _CODE.search(sentence)
    return words >= _MIN_WORDS and is_text and not sentence.endswith((":", "："))


def dangles(sentence: str) -> bool:
    """True if it opens with a word that leans on the sentence before."""
    return bool(_DANGLES.match(sentence))


def is_ended(sentence: str) -> bool:
    """True if it has its full stop, or what stands in the place of one: captions and the items of a list have none."""
    return bool(_END.search(sentence))
