"""docker-compose.yml obeys the compose specification and keeps what it promises; no container is started."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from chatbot.sections import ChromaSettings
from chatbot.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

SERVICES: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
NETWORKS: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["networks"]
APP, VLLM = SERVICES["app"], SERVICES["vllm"]
(VLLM_VERSION,) = re.findall(r"==(.+)", PROJECT["dependency-groups"]["vllm"][0])


def _obeys_the_schema(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_obeys_the_compose_specification() -> None:
    checked = _obeys_the_schema(COMPOSE)

    assert checked.returncode == 0, checked.stdout


def test_a_wrong_key_would_be_found(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE.read_text().replace("    ports:", "    portz:"))

    assert "portz" in _obeys_the_schema(wrong).stdout


def test_only_the_application_can_be_reached_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {"app": ["127.0.0.1:7860:7860"]}
    assert not [name for name, service in SERVICES.items() if service.keys() & {"network_mode", "expose"}]


def test_vllm_has_no_way_out() -> None:
    assert VLLM["networks"] == ["engine"]
    assert NETWORKS["engine"] == {"internal": True}
    assert "engine" in APP["networks"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "cap_add", "pid", "ipc", "devices"}
    assert all(
        volume.split(":")[0] in {"data", "compiled", "catalogue", "vectors"} or volume.endswith(":ro")
        for volume in service["volumes"]
    )


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    assert SERVICES[name]["image"] in {
        f"chatbot:{PROJECT['project']['version']}",
        f"vllm/vllm-openai:v{VLLM_VERSION}",
        "postgres:17.6",
    }


def test_the_applications_image_is_not_root_and_not_writable() -> None:
    (user,) = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)

    assert user == "chatbot"
    assert re.search(rf"^RUN useradd .*--uid [1-9]\d+ {user}\b", DOCKERFILE, re.MULTILINE)
    assert APP["read_only"] is True
    assert "user" not in APP


def test_every_service_is_asked_how_it_is() -> None:
    assert "http://127.0.0.1:8000/health" in VLLM["healthcheck"]["test"][-1]
    assert APP["depends_on"]["vllm"] == {"condition": "service_healthy"}
    assert "http://127.0.0.1:7860/livez" in DOCKERFILE[DOCKERFILE.index("HEALTHCHECK") :]


def test_a_gpu_is_reserved_for_vllm() -> None:
    (device,) = VLLM["deploy"]["resources"]["reservations"]["devices"]

    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


def test_the_key_has_no_default_and_stands_in_no_command() -> None:
    """vLLM takes an empty key for none at all, and everybody on the machine can read a command."""
    for key in (APP["environment"]["CHATBOT_VLLM__API_KEY"], VLLM["environment"]["VLLM_API_KEY"]):
        assert key.startswith("${VLLM_API_KEY:?")
    assert "KEY" not in " ".join(VLLM["command"])


def test_the_application_asks_for_the_model_that_vllm_serves() -> None:
    assert APP["environment"]["CHATBOT_VLLM__URL"] == "http://vllm:8000"
    assert "--port=8000" in VLLM["command"]
    assert "--served-model-name=${VLLM_MODEL}" in VLLM["command"]
    assert APP["environment"]["CHATBOT_VLLM__MODEL"].startswith("${VLLM_MODEL:?")


def test_every_flag_is_one_of_the_pinned_vllm() -> None:
    """The list is printed by that version itself; vllm_flags.py makes it anew."""
    known = set((Path(__file__).parent / f"vllm-{VLLM_VERSION}-flags.txt").read_text().split())
    model, *flags = VLLM["command"]

    assert model.startswith("/models/")
    assert {flag.partition("=")[0] for flag in flags} <= known


def test_vllm_is_never_resolved_with_the_application() -> None:
    project = PROJECT["project"]
    required = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]

    assert not [line for line in required if line.startswith(("vllm", "chatbot["))]
    assert "vllm" not in (ROOT / "requirements.lock").read_text()
    assert PROJECT["dependency-groups"].keys() == {"vllm"}


def test_the_stores_are_started_only_when_asked_for_and_then_waited_for() -> None:
    for name in ("postgres", "chroma"):
        assert SERVICES[name]["profiles"] == ["scale"]
        assert APP["depends_on"][name] == {"condition": "service_healthy", "required": False}
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
        assert SERVICES[name]["mem_limit"]
        assert SERVICES[name]["read_only"] is True


def test_the_stores_are_reached_by_the_application_alone_and_have_no_way_out() -> None:
    assert NETWORKS["stores"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "stores" in service["networks"]} == {"app", "postgres", "chroma"}
    assert SERVICES["postgres"]["networks"] == SERVICES["chroma"]["networks"] == ["stores"]


def test_the_settings_of_the_stores_are_settings() -> None:
    assert APP["environment"]["CHATBOT_DATABASE"] == "${CHATBOT_DATABASE:-}"
    assert APP["environment"]["CHATBOT_CHROMA__URL"] == "${CHATBOT_CHROMA__URL:-}"
    configured = Settings(database="postgresql://chatbot:word@postgres/chatbot", chroma=ChromaSettings(url="http://chroma:8000"))
    assert configured.chroma.url == "http://chroma:8000"


def test_the_stores_password_has_no_default_and_stands_in_no_command() -> None:
    assert SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"] == "${POSTGRES_PASSWORD-}"
    assert "PASSWORD" not in " ".join(SERVICES["postgres"]["command"])


def test_chromas_server_is_of_the_version_of_its_client() -> None:
    assert SERVICES["chroma"]["image"] == APP["image"]
    assert SERVICES["chroma"]["command"][:2] == ["chroma", "run"]
    assert "'.[offline,postgres]'" in DOCKERFILE
    assert re.search(r"install -d -o chatbot -g chatbot .*/vectors", DOCKERFILE)
