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

from chatbot.encoders import bi_encoder
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
        "from chatbot.settings import EncoderSettings; "
        "bi_encoder.load(EncoderSettings().model, Path(sys.argv[1])).encode_query('hello'); "
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(models)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture
def compiled(tiny: Path, tmp_path: Path) -> Path:
    """The folder of a compiled model whose weights lie in ./tiny; both may be harmed."""
    shutil.copytree(tiny / "tiny", tmp_path / "tiny")
    return shutil.copytree(tiny / "compiled", tmp_path / "compiled")


def listing(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_ino for path in folder.rglob("*")}


def test_a_compiled_model_is_kept(compiled: Path) -> None:
    before = listing(compiled)
    bi_encoder.load("tiny", compiled)
    assert before.items() <= listing(compiled).items()


def test_a_compiled_model_outlives_its_weights(compiled: Path) -> None:
    shutil.rmtree("tiny")
    assert bi_encoder.load("tiny", compiled).encode_query("hello").shape == (32,)


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: os.truncate(folder / "model.bin", 1000),
        lambda folder: (folder / "model.xml").unlink(),
        lambda folder: (folder / "tokenizer.json").write_bytes(b""),
        lambda folder: (folder / "encoder.json").write_text("{"),
        lambda folder: (folder / "encoder.json").write_text("[]"),
    ],
)
def test_a_damaged_copy_is_not_used(harm: Callable[[Path], object], compiled: Path) -> None:
    harm(compiled / "tiny")
    shutil.rmtree("tiny")
    with pytest.raises(WeightsMissing):  # it is made anew, or would be
        bi_encoder.load("tiny", compiled)


def test_a_model_that_changed_is_compiled_anew_whole_or_not_at_all(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime("tiny/model.safetensors", ns=(1, 1))
    before = listing(compiled)
    (compiled / "compiling-killed").mkdir()  # left by a process that was killed meanwhile
    # the child that compiles is killed as it starts, as by a machine without memory
    killer = write(tmp_path / "killer", {"sitecustomize.py": "import os\nos.kill(os.getpid(), 9)"})
    monkeypatch.setenv("PYTHONPATH", str(killer))
    with pytest.raises(InternalError, match="compiling the model in tiny failed: "):
        bi_encoder.load("tiny", compiled)
    assert listing(compiled) == before, "what was there stays"
