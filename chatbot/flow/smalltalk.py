"""smalltalk: a greeting is answered with a greeting, not with a search."""

from __future__ import annotations

import re

_AROUND = r"(?: (?:there|bot|chatbot|again|all|everyone|so much|very much|a lot|then|now|for (?:that|this|your help)))*"
_BEING = r"(?:human(?: being)?|person|man|woman|robot|bot|chatbot|machine|computer|program|ai|alive|real)"
_SAID = {
    "smalltalk": (
        r"hi|hello|hey|hallo|greetings|good (?:morning|afternoon|evening|day)|(?:please )?help(?: me)?|how are you|who are you|"
        r"what are you|what can (?:you|i) (?:do|ask)|what do you know|what(?:'s| is) your name|"
        rf"(?:are you|am i (?:talking|speaking|chatting|writing) (?:to|with)) (?:an? )?(?:real )?{_BEING}|"
        r"who (?:made|created|built|wrote|programmed) you"
    ),
    "thanks": (
        r"thanks?(?: you)?|thx|cheers|ok|okay|great|cool|nice|perfect|got it|i see|well done|"
        r"that (?:helps|helped|was helpful|is helpful|works|worked)|that'?s (?:great|helpful|all)"
    ),
    "farewell": r"bye|goodbye|see you|farewell|good night",
}
_PHRASES = {name: re.compile(rf"\W*(?:(?:{said}){_AROUND}\W*)+", re.IGNORECASE) for name, said in _SAID.items()}
_ANY = re.compile(rf"\W*(?:(?:{'|'.join(_SAID.values())}){_AROUND}\W*)+", re.IGNORECASE)

_MAX_LENGTH = 80
"""Nobody greets at length, and the patterns take the square of the length."""


def smalltalk(text: str) -> str:
    """Name of the prompt that answers it, if the text is nothing but pleasantries; else empty.

    "Thanks, bye!" is a farewell: what is said last counts.
    """
    text = text.replace("’", "'")
    if len(text) > _MAX_LENGTH or not _ANY.fullmatch(text):
        return ""
    return max(_PHRASES, key=lambda name: max((match.end() for match in _PHRASES[name].finditer(text)), default=-1))
