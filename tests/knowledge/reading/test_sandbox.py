"""Whatever a document does to its reader, the parent lives, and says why there is no text."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import docx, pdf

from chatbot.errors import DocumentRefused, FormatFailed
from chatbot.knowledge.reading import reader
from chatbot.knowledge.reading.sandbox import MIB, Limits, Sandbox

HOSTILE = """
import ctypes, os, socket, subprocess, sys, time
from pathlib import Path

from chatbot.knowledge.formats.extracted import Extracted

libc = ctypes.CDLL(None)


def _said(text):
    return Extracted(title="t", text=str(text))


def slow(raw):
    time.sleep(60)


def hungry(raw):
    return _said(len(bytearray(8 << 30)))


def crashing(raw):
    os.abort()


def leaving(raw):
    os._exit(3)


def long(raw):
    return _said("x" * (4 << 20))


def printing(raw):
    print("noise " * 1000, flush=True)
    os.write(1, b"more noise")
    return _said("quiet")


def keys(raw):
    return _said(sorted(os.environ) or "none")


def connecting(raw):
    socket.create_connection(("127.0.0.1", int(raw)), timeout=1)


def natively_connecting(raw):
    handle = libc.socket(2, 1, 0)
    address = b"\\x02\\x00" + int(raw).to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
    return _said(libc.connect(handle, address, len(address)))


def running(raw):
    subprocess.run(["true"])


def writing(raw):
    Path(raw.decode()).write_text("x")


def reading(raw):
    return _said(Path(raw.decode()).read_text())
"""
NAMES = [
    line.split()[1].partition("(")[0]
    for line in HOSTILE.splitlines()
    if line.startswith("def ") and "_said" not in line.split()[1]
]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A package that registers formats as anybody's would."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "hostile.py").write_text(HOSTILE)
    about = folder / "hostile-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[chatbot.formats]\n" + "".join(f"{name} = hostile:{name}\n" for name in NAMES))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH", ""), str(folder)])))
        patch.setenv("CHATBOT_VLLM__API_KEY", "hush")
        yield


@pytest.fixture(scope="module")
def sandbox(packages: None) -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=20, output_bytes=2 * MIB)) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("name", "raw"),
    [("a.md", b"# Kettle\n\nIt is blue."), ("b.pdf", pdf([["Boiler", "Seven bar."]])), ("c.docx", docx({"A": "b"}))],
)
def test_a_document_reads_as_it_does_without(sandbox: Sandbox, name: str, raw: bytes) -> None:
    assert sandbox.read(name, raw) == reader.read(name, raw)


def test_a_refusal_comes_out_in_its_own_words(sandbox: Sandbox) -> None:
    with pytest.raises(DocumentRefused, match="the file is empty"):
        sandbox.read("a.md", b"")


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("hungry", DocumentRefused, "more memory than a document may"),
        ("long", DocumentRefused, "more than 2 MiB of text"),
        ("crashing", FormatFailed, "SIGABRT"),
        ("leaving", FormatFailed, "exit code 3"),
    ],
)
def test_what_it_costs_is_a_child(sandbox: Sandbox, name: str, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        sandbox.read(f"a.{name}", b"x")

    assert sandbox.read("a.md", b"Still here.").text == "Still here.\n\n"


def test_a_reader_without_end_is_ended(packages: None) -> None:
    begun = time.monotonic()

    with Sandbox(Limits(seconds=2.5)) as sandbox, pytest.raises(DocumentRefused, match="more than 2.5 s"):
        sandbox.read("a.slow", b"x")

    assert time.monotonic() - begun < 10


def test_what_a_library_prints_is_no_answer(sandbox: Sandbox) -> None:
    assert sandbox.read("a.printing", b"x").text == "quiet"


def test_no_key_is_in_its_environment(sandbox: Sandbox) -> None:
    assert "CHATBOT" not in sandbox.read("a.keys", b"x").text


def test_it_reaches_nobody(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(FormatFailed, match="may not use socket"):
        sandbox.read("a.connecting", str(listener.getsockname()[1]).encode())


def test_native_code_has_no_network_where_the_system_can_take_it_away(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        said = sandbox.read("a.natively_connecting", str(listener.getsockname()[1]).encode()).text

    if said == "0":
        pytest.skip("this system gives no process a network of its own")
    assert said == "-1"


def test_it_starts_no_program(sandbox: Sandbox) -> None:
    with pytest.raises(FormatFailed, match="may not use"):
        sandbox.read("a.running", b"x")


def test_it_writes_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(FormatFailed, match="may not open"):
        sandbox.read("a.writing", str(tmp_path / "written").encode())

    assert not (tmp_path / "written").exists()


def test_it_reads_no_other_file(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    link = Path(tmp_path / "link")
    link.symlink_to(tmp_path / "secret")

    for path in (tmp_path / "secret", link):
        with pytest.raises(FormatFailed, match="may not open"):
            sandbox.read("a.reading", str(path).encode())


def test_a_child_that_was_ended_from_outside_is_replaced(sandbox: Sandbox) -> None:
    sandbox.read("a.md", b"One.")
    assert sandbox._child  # noqa: SLF001  nobody else knows whom to end
    sandbox._child.kill()  # noqa: SLF001
    sandbox._child.wait()  # noqa: SLF001

    assert sandbox.read("a.md", b"Two.").text == "Two.\n\n"
