"""Fixtures every test shares: a place of its own, no network, and the real encoder, compiled once per machine."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import ipaddress
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import postgres_server
import pytest
from documents import write
from postgres_server import Server

from chatbot import settings
from chatbot.bootstrap import Application
from chatbot.encoders import bi_encoder, cross_encoder
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.encoders.cross_encoder import CrossEncoder
from chatbot.knowledge.indexes.generations import Indexes
from chatbot.knowledge.store.catalogue import Catalogue
from chatbot.settings import Settings

MODEL = settings.EncoderSettings().model

TINY = "tiny"
TINY_MODEL = """
import sys
from pathlib import Path
from transformers import AutoTokenizer, BertConfig, BertModel, set_seed
from sentence_transformers import SentenceTransformer, models
from chatbot.encoders import weights
set_seed(0)
building = Path(sys.argv[2])
tokenizer = AutoTokenizer.from_pretrained(weights.locate(sys.argv[1]))
size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, initializer_range=0.5, **size)
BertModel(config).save_pretrained(building / "bert")
tokenizer.save_pretrained(building / "bert")
transformer = models.Transformer(str(building / "bert"), max_seq_length=48)
SentenceTransformer(modules=[transformer, models.Pooling(32)], device="cpu").save(str(building / "tiny"))
"""

SmallApplication = Callable[..., Application]

_away: list[str] = []


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else "localhost"
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if not _is_here(host):
        _away.append(str(host))
        raise ConnectionRefusedError(f"a test tried to reach {host!r}; tests have no network")


def _is_here(host: str | None) -> bool:
    try:
        return host in (None, "", "localhost") or ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


# an audit hook sees every connection of the process, asyncio's too, and nothing has to be patched
sys.addaudithook(_guard)


@pytest.fixture(scope="session", autouse=True)
def _no_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of the machine or of the checkout leaks in: no hub, no CHATBOT_* variables, an empty working directory."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("CHATBOT_") and name != "CHATBOT_TEST_CACHE"]:
            patch.delenv(name)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.chdir(tmp_path_factory.mktemp("nowhere"))
        yield


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    before = len(_away)
    yield
    assert _away[before:] == [], "this test reached for the network"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two runs at once compile a model once."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def models() -> Path:
    """The compiled encoder, kept between runs under a name made of everything it is compiled from."""
    root = Path(os.environ.get("CHATBOT_TEST_CACHE") or Path.home() / ".cache" / "chatbot-tests")
    digest = hashlib.sha256(
        f"{MODEL} {version('openvino')} {version('sentence-transformers')} {version('torch')} {TINY_MODEL}".encode()
    )
    for module in sorted(Path(bi_encoder.__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    digest.update(cross_encoder.ADAPTER.read_bytes())
    folder = root / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(root):
        bi_encoder.load(MODEL, folder)
        cross_encoder.load(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(models: Path) -> Path:
    """A folder with `tiny`, a sentence-transformers model of two layers with random weights, and what it was compiled into."""
    folder = models.with_name(f"{models.name}-tiny")
    with _locked(models.parent):
        if not folder.exists():
            building = models.with_name("building")
            shutil.rmtree(building, ignore_errors=True)
            subprocess.run([sys.executable, "-c", TINY_MODEL, MODEL, str(building)], check=True, capture_output=True)
            building.rename(folder)
        bi_encoder.load(str(folder / TINY), folder / "compiled")
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tiny: Path) -> BiEncoder:
    return bi_encoder.load(str(tiny / TINY), tiny / "compiled")


@pytest.fixture(scope="session")
def encoder(models: Path) -> BiEncoder:
    return bi_encoder.load(MODEL, models)


@pytest.fixture(scope="session")
def reader(models: Path) -> CrossEncoder:
    return cross_encoder.load(models)


@pytest.fixture
def data_dir_with_model(tmp_path: Path, models: Path) -> Path:
    """A data directory of this test's own in which the encoder is compiled already."""
    return furnish(tmp_path / "data", models)


@pytest.fixture(scope="session")
def application(tmp_path_factory: pytest.TempPathFactory, models: Path, _no_outside: None) -> Iterator[Application]:
    """The application over the built-in knowledge, synced. Tests read from it and change nothing."""
    data_dir = furnish(tmp_path_factory.mktemp("application"), models)
    with Application(Settings(data_dir=data_dir), "pytest") as application:
        for _ in application.sync(()):
            pass
        yield application


@pytest.fixture
def small_application(tmp_path: Path, models: Path) -> Iterator[SmallApplication]:
    """Opens applications over a folder of the given files, `collection/file` to text, and syncs them.

    Keyword arguments are settings; `data_dir` is a fresh one unless given. All are closed at the end.
    """
    opened: list[Application] = []

    def open_small(files: Mapping[str, str | bytes], **flags: Any) -> Application:
        folder = flags.pop("knowledge", tmp_path / f"knowledge-{len(opened)}")
        write(folder, files)
        data_dir = furnish(flags.pop("data_dir", tmp_path / f"data-{len(opened)}"), models)
        application = Application(Settings(data_dir=data_dir, knowledge=folder, **flags), "pytest")
        opened.append(application)
        for _ in application.sync(()):
            pass
        return application

    yield open_small
    for application in opened:
        application.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of the tests' own."""
    if reason := postgres_server.why_not():
        pytest.skip(reason)
    with postgres_server.started() as server:
        yield server


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """An empty catalogue in a file."""
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    yield catalogue
    catalogue.close()


@pytest.fixture
def indexes(tmp_path: Path, catalogue: Catalogue, encoder: BiEncoder) -> Iterator[Indexes]:
    """Empty indexes beside the empty catalogue."""
    indexes = Indexes(tmp_path / "indexes", catalogue, encoder)
    yield indexes
    indexes.close()


def furnish(data_dir: Path, models: Path) -> Path:
    """Give a data directory the compiled encoder."""
    if not (data_dir / "models").exists():
        shutil.copytree(models, data_dir / "models", copy_function=_link)
    return data_dir


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What a shell runs in the background ignores Ctrl+C, and so would the programs that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
