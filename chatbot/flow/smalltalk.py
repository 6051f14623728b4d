"""smalltalk: a greeting is answered with a greeting, not with a search."""

from __future__ import annotations

import re

_PHRASES = re.compile(
    r"\W*(?:(?:hi|hello|hey|hallo|greetings|good (?:morning|afternoon|evening|day)|"
    r"thanks?(?: you)?(?: (?:very|so) much| a lot)?|thx|cheers|"
    r"bye|goodbye|see you|ok|okay|great|cool|nice|perfect|(?:please )?help(?: me)?|how are you|who are you|what are you|"
    r"what can (?:you|i) (?:do|ask)|what do you know)(?: there| bot| chatbot| again)?\W*){1,3}",
    re.IGNORECASE,
)


_MAX_LENGTH = 80
"""Nobody greets at length, and the pattern takes the square of the length."""


def is_smalltalk(text: str) -> bool:
    """True if the text is nothing but pleasantries."""
    return len(text) <= _MAX_LENGTH and bool(_PHRASES.fullmatch(text))
