"""Hostile names of uploaded files: out of the folder, onto devices, over our own files, and past what file systems take."""

from __future__ import annotations

import random

_PLACES = ["etc/passwd", "tmp/canary", "root/.ssh/authorized_keys", "catalogue.sqlite", "windows/win.ini", "uploads/other/a.md"]
_UPS = [
    "../",
    "..\\",
    "....//",
    "..%2f",
    "%2e%2e/",
    "..%5c",
    "..%252f",
    "..%c0%af",
    "\u2024\u2024/",
    "\uff0e\uff0e\uff0f",
    "./../",
]
_ROOTS = ["/", "\\", "C:\\", "C:/", "C:", "\\\\?\\C:\\", "\\\\host\\share\\", "//host/share/", "file:///", "~/", "~root/"]
_DEVICES = ["CON", "PRN", "AUX", "NUL", "COM1", "LPT9", "con", "Nul"]
_SIGNS = [*map(chr, range(32)), "\x7f", "\x85", "\xa0", "\u200b", "\u200e", "\u202e", "\u2028", "\ufeff"]
_OURS = [
    "questions.jsonl",
    "knowledge.toml",
    ".hidden",
    ".",
    "..",
    "...",
    "",
    " ",
    ".md",
    "..md",
    "-rf",
    "--help",
    "*",
    "?",
    "|sh",
    "$(id)",
]
_TAILS = ["", ".", " ", "::$DATA", ":stream", "\x00.md", "%00.md", ";.md", "/.", "/..", "/"]


def names(count: int, seed: int = 0) -> list[str]:
    """`count` different ones, the telling ones first."""
    draw = random.Random(seed)
    made = dict.fromkeys(
        [
            *_OURS,
            *(f"{up * depth}{place}" for up in _UPS for depth in (1, 3, 9) for place in _PLACES),
            *(f"{root}{place}" for root in _ROOTS for place in _PLACES),
            *(f"{device}{tail}" for device in _DEVICES for tail in ("", ".md", ".txt.md", " .md", ":")),
            *(f"a{sign}b.md" for sign in _SIGNS),
            *(f"{sign}.md" for sign in _SIGNS),
            *(f"report.md{tail}" for tail in _TAILS),
            *("x" * length + ".md" for length in (200, 255, 256, 1000, 4096)),
            *("\u00fc" * length for length in (100, 128, 255)),
            *("\U0001f408" * length + ".md" for length in (1, 64, 255)),
            *("a/" * 200, "a\\" * 200, "." * 300),
        ]
    )
    while len(made) < count:
        parts = draw.choices([*_UPS, *_ROOTS, *_PLACES, *_SIGNS, *_TAILS, *_DEVICES], k=draw.randint(1, 5))
        made["".join(parts)] = None
    return list(made)[:count]
