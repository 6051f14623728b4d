"""The signs and control words of Rich Text Format that a reader of its text must know."""

from __future__ import annotations

import re

TOKEN = re.compile(
    rb"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})?[ ]?|\\'(?P<byte>[0-9a-fA-F]{2})|\\(?P<sign>[^a-zA-Z])|(?P<brace>[{}])"
    rb"|(?P<text>[^\\{}\r\n]+)",
    re.DOTALL,
)
LEFT_OUT = {
    "colortbl", "fonttbl", "stylesheet", "info", "pict", "themedata", "colorschememapping", "datastore", "latentstyles",
    "fldinst", "listtable", "listoverridetable", "rsidtbl", "generator", "xmlnstbl", "nonshppict", "objdata", "objclass",
    "bkmkstart", "bkmkend", "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf", "atnid",
    "atnauthor", "atrfstart", "atrfend", "atndate", "atnref", "atntime", "revtbl", "filetbl", "mmathPr", "sp", "datafield",
    "private", "xe", "tc", "ftnsep", "ftnsepc", "aftnsep", "aftnsepc", "pnseclvl", "wgrffmtfilter", "passwordhash",
}  # fmt: skip
STARRED = {"shpinst", "shptxt", "shprslt", "annotation", "footnote", "ud"}
"""Groups that say "leave me out if you do not know me" and hold words."""
SIGNS = {
    "tab": "\t", "line": "\n", "emdash": "—", "endash": "–", "emspace": " ", "enspace": " ", "qmspace": " ", "bullet": "•",
    "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
}  # fmt: skip
CODE_PAGES = {
    77: "mac-roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "big5", 161: "cp1253", 162: "cp1254", 163:
    "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255:
    "cp850",
}  # fmt: skip
"""By a font's \\fcharset."""
