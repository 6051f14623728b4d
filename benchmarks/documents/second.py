"""Second extractors, independent of the product's: poppler's pdftotext and LibreOffice, as programs. For measuring only.

Debian: apt-get install poppler-utils libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_TEXT = "txt:Text (encoded):UTF8"
_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,true,false,false,-1"
"""Comma, quotation mark, UTF-8, cells as they are shown, every sheet.
Source: https://wiki.documentfoundation.org/Documentation/DevGuide/Spreadsheet_Documents#Filter_Options_for_the_CSV_Filter"""
_OFFICE = {
    **dict.fromkeys(["docx", "doc", "odt", "rtf", "html", "htm"], _TEXT),
    **dict.fromkeys(["xlsx", "xls", "ods"], _CSV),
    **dict.fromkeys(["pptx", "odp"], "pdf"),
}
_TIMEOUT_S = 120


def missing() -> list[str]:
    """Programs that are not installed."""
    return [name for name in ("pdftotext", "soffice") if not shutil.which(name)]


def text(file: Path, scratch: Path) -> str:
    """A document's text; empty where the program has no way to read it, or gives nothing."""
    suffix = file.suffix.lower().removeprefix(".")
    if suffix == "pdf":
        return _poppler(file)
    return _office(file, _OFFICE[suffix], scratch) if suffix in _OFFICE else ""


def _poppler(file: Path) -> str:
    command = ["pdftotext", "-enc", "UTF-8", str(file), "-"]
    ran = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    return ran.stdout.decode("utf-8", "replace")


def _office(file: Path, target: str, scratch: Path) -> str:
    made = scratch / "made"
    shutil.rmtree(made, ignore_errors=True)
    profile = f"-env:UserInstallation={(scratch / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", target, "--outdir", str(made), str(file)]
    if file.suffix.lower() in {".html", ".htm"}:
        command.insert(2, "--infilter=HTML (StarWriter)")
    try:
        subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return ""
    files = sorted(made.glob("*")) if made.exists() else []
    if target == "pdf":
        return "\n".join(map(_poppler, files))
    return "\n".join(each.read_text(encoding="utf-8", errors="replace") for each in files)
