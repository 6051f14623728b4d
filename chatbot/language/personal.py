"""Tells whether a text may hold something about a person. It errs on that side: what it says no to may be kept for others."""

from __future__ import annotations

import re

_PERSONAL = (
    re.compile(r"\b(?:my|mine|myself|our|ours|i['’]?m|i['’]ve|i am|i have|i was|i had|i live)\b", re.IGNORECASE),
    re.compile(r"\S@\S"),  # an address, of mail or of a person
    re.compile(r"(?:\d[\s().\-/]?){6,}"),  # telephone, account, card, insurance, a date of birth
    re.compile(r"\b[a-z]{2}\d{2}(?:\s?[a-z0-9]{4}){3,}", re.IGNORECASE),  # an account by IBAN
    re.compile(r"\b(?=\w*\d\w*\d)(?=\w*[a-z])\w{8,}\b", re.IGNORECASE),  # numbers of passports, orders and plates
    re.compile(r"\b(?:mr|mrs|ms|dr|prof)\.?\s+\w", re.IGNORECASE),
)


def may_be_personal(text: str) -> bool:
    """True for "my card", an e-mail address, a telephone number, an account, a title before a name."""
    return any(pattern.search(text) for pattern in _PERSONAL)
