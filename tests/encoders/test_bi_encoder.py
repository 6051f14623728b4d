"""The shipped encoder: meaning close to meaning, and a compiled copy that is made anew only when it must be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from documents import write

from chatbot.encoders import bi_encoder, card
from chatbot.encoders.bi_encoder import BiEncoder
from chatbot.errors import InternalError, WeightsMissing


def test_the_shipped_encoder_is_faithful_to_its_model(encoder: BiEncoder) -> None:
    assert encoder.card.cosine >= 0.999
    assert (encoder.card.dimension, encoder.card.max_tokens) == (384, 256)


def test_close_meanings_are_close(encoder: BiEncoder) -> None:
    question = encoder.encode_query("How do I stop my cat from scratching the sofa?")
    same, other = encoder.encode(["Keeping felines off the furniture", "The boiler needs seven bar of pressure"])
    assert question @ same > 0.5 > 0.2 > question @ other


def test_words_beyond_the_limit_do_not_count(encoder: BiEncoder) -> None:
    within = "word " * 400
    assert np.array_equal(encoder.encode_query(within), encoder.encode_query(within + "other ending"))


def test_a_warm_start_imports_no_torch(models: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from chatbot.encoders import bi_encoder; "
        "from chatbot.sections import EncoderSettings; "
        "bi_encoder.load(EncoderSettings().model, Path(sys.argv[1])).encode_query('hello'); "
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(models)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture
def compiled(tiny: Path, tmp_path: Path) -> Path:
    """The cache in which the model in ./tiny is compiled; both may be harmed."""
    shutil.copytree(tiny / "tiny", tmp_path / "tiny")
    cache = shutil.copytree(tiny / "compiled", tmp_path / "compiled")
    here = card.place("tiny", cache)
    written = Path(shutil.move(card.place(str(tiny / "tiny"), cache).folder, here.folder)) / card.FILE
    # as if it had been compiled here
    written.write_text(written.read_text().replace(str(tiny / "tiny"), here.name))
    return cache


def listing(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_ino for path in folder.rglob("*")}


def lose_a_bit(file: Path) -> None:
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 0x40
    file.write_bytes(damaged)


@pytest.fixture
def no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child that compiles is killed as it starts, as by a machine without memory."""
    killer = write(tmp_path / "killer", {"sitecustomize.py": "import os\nos.kill(os.getpid(), 9)"})
    monkeypatch.setenv("PYTHONPATH", str(killer))


@pytest.mark.usefixtures("no_compiler")
@pytest.mark.parametrize("model", ["tiny", "./tiny", "tiny/", "{here}/tiny", "~/tiny"])
def test_a_compiled_model_is_kept_however_its_folder_is_written(
    model: str, compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    before = listing(compiled)
    bi_encoder.load(model.format(here=tmp_path), compiled)
    assert before.items() <= listing(compiled).items()


def test_a_compiled_model_outlives_its_weights(compiled: Path) -> None:
    shutil.rmtree("tiny")
    assert bi_encoder.load("tiny", compiled).encode_query("hello").shape == (32,)


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: os.truncate(folder / "model.bin", 1000),
        lambda folder: lose_a_bit(folder / "model.bin"),
        lambda folder: (folder / "model.xml").unlink(),
        lambda folder: (folder / "tokenizer.json").write_bytes(b""),
        lambda folder: (folder / "encoder.json").write_text("{"),
        lambda folder: (folder / "encoder.json").write_text("[]"),
    ],
)
def test_a_damaged_copy_is_not_used(harm: Callable[[Path], object], compiled: Path) -> None:
    harm(card.place("tiny", compiled).folder)
    shutil.rmtree("tiny")
    with pytest.raises(WeightsMissing):  # it is made anew, or would be
        bi_encoder.load("tiny", compiled)


def test_kept_kernels_that_are_damaged_are_made_anew(compiled: Path) -> None:
    kernels = card.place("tiny", compiled).folder / "cache"
    shutil.rmtree(kernels)  # of the place where it was compiled
    wanted = bi_encoder.load("tiny", compiled).encode(["hello"])
    (kept,) = kernels.glob("*.blob")
    kept.chmod(0o600)  # OpenVINO leaves it read-only
    lose_a_bit(kept)
    damaged = kept.read_bytes()
    (kernels / "never-noted.blob").write_bytes(b"half of")
    assert np.array_equal(bi_encoder.load("tiny", compiled).encode(["hello"]), wanted)
    (kept,) = kernels.glob("*.blob")
    assert kept.read_bytes() != damaged
    before = listing(kernels)
    bi_encoder.load("tiny", compiled)
    assert listing(kernels) == before, "what is sound is kept"


@pytest.mark.usefixtures("no_compiler")
@pytest.mark.parametrize(
    "change",
    [
        lambda model: os.utime(model / "model.safetensors", ns=(1, 1)),
        lambda model: (model / "tokenizer.json").write_text("{}"),
        lambda model: (model / "1_Pooling" / "config.json").write_text("{}"),
        lambda model: (model / "config_sentence_transformers.json").unlink(),
    ],
)
def test_a_model_that_changed_is_compiled_anew_whole_or_not_at_all(change: Callable[[Path], object], compiled: Path) -> None:
    change(Path("tiny"))
    before = listing(compiled)
    (compiled / ".compiling-killed").mkdir()  # left by a process that was killed meanwhile
    with pytest.raises(InternalError, match="compiling the model in .*tiny failed: "):
        bi_encoder.load("tiny", compiled)
    assert listing(compiled) == before, "what was there stays"


@pytest.mark.usefixtures("no_compiler")
def test_models_that_are_written_alike_share_nothing(compiled: Path, tmp_path: Path) -> None:
    shutil.copytree("tiny", "a/b")
    shutil.copytree("tiny", "a-b")
    shutil.move(card.place("tiny", compiled).folder, card.place("a/b", compiled).folder)
    for model in ("a-b", "a/b"):  # neither takes what the other's folder or card says for its own
        with pytest.raises(InternalError, match=f"compiling the model in {tmp_path / model} failed"):
            bi_encoder.load(model, compiled)


@pytest.mark.parametrize("model", ["..", ".", "~", "../..", "compiling-x", "/", ""])
def test_no_model_is_compiled_over_anything_else(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "data" / "models"
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = card.place(model, cache).folder
    assert folder.parent == cache
    assert not folder.name.startswith(".")
    assert folder.name == Path(folder.name).name
