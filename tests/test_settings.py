"""A flag wins over a variable, a variable over chatbot.toml, the file over the default; a mistake is named with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chatbot import settings
from chatbot.errors import SettingsError


def in_file(text: str) -> None:
    Path("chatbot.toml").write_text(text, encoding="utf-8")


def test_without_anything_the_defaults_hold() -> None:
    loaded = settings.load()
    assert (loaded.host, loaded.port, loaded.engine) == ("127.0.0.1", 7860, "extractive")
    assert loaded.data_dir == Path(".chatbot")


def test_the_file_wins_over_the_default() -> None:
    in_file("port = 1001")
    assert settings.load().port == 1001


def test_a_variable_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    in_file("port = 1001")
    monkeypatch.setenv("CHATBOT_PORT", "1002")
    assert settings.load().port == 1002


def test_a_flag_wins_over_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    in_file("port = 1001")
    monkeypatch.setenv("CHATBOT_PORT", "1002")
    assert settings.load(port=1003).port == 1003


def test_a_flag_that_is_not_given_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_PORT", "1002")
    assert settings.load(port=None).port == 1002


def test_a_section_is_put_together_from_all_places(monkeypatch: pytest.MonkeyPatch) -> None:
    in_file("[retrieval]\ntop_k = 7\ncandidates = 9")
    monkeypatch.setenv("CHATBOT_RETRIEVAL__TOP_K", "3")
    retrieval = settings.load().retrieval
    assert (retrieval.top_k, retrieval.candidates) == (3, 9)
    assert retrieval.dense_weight == settings.RetrievalSettings().dense_weight


def test_a_list_is_given_as_json_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_HOST", "0.0.0.0")
    monkeypatch.setenv("CHATBOT_ALLOWED_HOSTS", '["chat.example.org"]')
    assert settings.load().allowed_hosts == ("chat.example.org",)


def test_a_list_is_an_array_in_the_file() -> None:
    in_file('host = "0.0.0.0"\nallowed_hosts = ["chat.example.org"]')
    assert settings.load().allowed_hosts == ("chat.example.org",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port = ", "chatbot.toml: not valid TOML: Invalid value"),
        ("port = 'x'", "chatbot.toml: port = 'x': input should be a valid integer"),
        ("port = 99999", "chatbot.toml: port = 99999: input should be less than or equal to 65535"),
        ("wacth = true", "chatbot.toml: wacth: there is no such setting; did you mean watch?"),
        ("colour = 1", "chatbot.toml: colour: there is no such setting; `chatbot settings` lists them"),
        ("[chunks]\nsize = 1", "chatbot.toml: chunks.size: there is no such setting"),
        ("[chunks]\nmax_tokens = 'many'", "chatbot.toml: chunks.max_tokens = 'many': input should be a valid integer"),
        ("chunks = 3", "chatbot.toml: chunks = 3: input should be"),
        ("[chunks]\nmin_tokens = 90\nmax_tokens = 50", "chatbot.toml: chunks: min_tokens 90 is above max_tokens 50"),
        ("[abstention]\nmax_error = 2", "chatbot.toml: abstention.max_error = 2: input should be less than or equal to 1"),
        ("allowed_hosts = ['a', 3]", "chatbot.toml: allowed_hosts.1 = 3: input should be a valid string"),
        ("knowledge = 'nowhere'", "chatbot.toml: knowledge = 'nowhere': there is no such folder"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_path(text: str, message: str) -> None:
    in_file(text)
    with pytest.raises(SettingsError) as error:
        settings.load()
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CHATBOT_PORT", "abc", "CHATBOT_PORT = 'abc': input should be a valid integer"),
        ("CHATBOT_DATA_DIR", "", "CHATBOT_DATA_DIR = '': it is empty; leave it out to have the default"),
        ("CHATBOT_KNOWLEDGE", "", "CHATBOT_KNOWLEDGE = '': it is empty"),
        ("CHATBOT_WACTH", "true", "CHATBOT_WACTH: there is no such setting; did you mean CHATBOT_WATCH?"),
        ("CHATBOT_VLM__URL", "x", "CHATBOT_VLM__URL: there is no such setting; did you mean CHATBOT_VLLM__URL?"),
        (
            "CHATBOT_VLLM__SAMPLING__TEMPRATURE",
            "1",
            "CHATBOT_VLLM__SAMPLING__TEMPRATURE: there is no such setting; did you mean temperature?",
        ),
        ("CHATBOT_CHUNKS__SIZE", "1", "CHATBOT_CHUNKS__SIZE: there is no such setting"),
        ("CHATBOT_RETRIEVAL__TOP_K", "0", "CHATBOT_RETRIEVAL__TOP_K = '0': input should be greater than or equal to 1"),
        ("CHATBOT_CHUNKS__MIN_TOKENS", "470", "CHATBOT_CHUNKS__MIN_TOKENS: min_tokens 470 is above max_tokens"),
        ("CHATBOT_ALLOWED_HOSTS", "chat.example.org", "CHATBOT_ALLOWED_HOSTS = 'chat.example.org': not valid JSON"),
        ("CHATBOT_CHUNKS", "{bad", "CHATBOT_CHUNKS = '{bad': not valid JSON"),
    ],
)
def test_a_mistake_in_a_variable_is_named_with_the_variable(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        settings.load()
    assert str(error.value).startswith(message)


def test_a_wrong_variable_is_named_even_if_the_file_has_the_setting_right(monkeypatch: pytest.MonkeyPatch) -> None:
    in_file("port = 8000")
    monkeypatch.setenv("CHATBOT_PORT", "abc")
    with pytest.raises(SettingsError, match="^CHATBOT_PORT = 'abc'"):
        settings.load()


def test_a_mistake_in_a_flag_is_named_with_the_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_PORT", "80")
    with pytest.raises(SettingsError, match="^--port = 99999: input should be less than or equal to 65535"):
        settings.load(port=99999)


def test_a_flag_is_named_as_it_is_typed() -> None:
    with pytest.raises(SettingsError, match="^--max-question-chars = 0"):
        settings.load(max_question_chars=0)


def test_two_mistakes_are_both_named() -> None:
    in_file("port = 'x'\nengine = 3")
    with pytest.raises(SettingsError, match=r"chatbot.toml: port = 'x'.*; chatbot.toml: engine = 3"):
        settings.load()


def test_a_file_that_is_not_utf8_is_refused() -> None:
    Path("chatbot.toml").write_bytes(b"port = 1 # \xff")
    with pytest.raises(SettingsError, match="^chatbot.toml: not valid TOML"):
        settings.load()


def test_a_file_that_cannot_be_read_is_refused() -> None:
    Path("chatbot.toml").mkdir()
    with pytest.raises(SettingsError, match="^chatbot.toml: cannot be read"):
        settings.load()


def test_a_file_with_a_byte_order_mark_is_read() -> None:
    Path("chatbot.toml").write_bytes(b"\xef\xbb\xbfport = 1001")
    assert settings.load().port == 1001


@pytest.mark.parametrize("name", ["data_dir", "knowledge"])
def test_a_tilde_is_the_home_directory(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()
    in_file(f"{name} = '~/mine'")
    assert getattr(settings.load(), name) == tmp_path / "mine"


def test_the_home_of_nobody_is_refused() -> None:
    in_file("data_dir = '~nobody-at-all/x'")
    with pytest.raises(SettingsError, match="chatbot.toml: data_dir = '~nobody-at-all/x': there is no such home directory"):
        settings.load()


def test_an_open_host_without_names_is_refused() -> None:
    with pytest.raises(SettingsError, match="'0.0.0.0' is reachable from other machines.*set allowed_hosts"):
        settings.load(host="0.0.0.0")


@pytest.mark.parametrize("host", settings.LOOPBACK)
def test_a_loopback_host_needs_no_names(host: str) -> None:
    assert settings.load(host=host).host == host


def test_settings_cannot_be_changed_after_loading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings.load().port = 1  # type: ignore[misc]


def test_the_origin_of_a_value_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHATBOT_RETRIEVAL__TOP_K", "7")
    (tmp_path / "chatbot.toml").write_text("port = 8000\n", encoding="utf-8")

    assert settings.origin("retrieval.top_k") == "environment"
    assert settings.origin("port") == "chatbot.toml"
    assert settings.origin("host") == "default"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("URL", "http://user:hush@gpu:8000", "password"),
        ("URL", "http://\x1b[31m:8000", "no address"),
        ("API_KEY", "hush\nhush", "line break"),
    ],
)
def test_what_cannot_be_sent_to_a_vllm_server_is_refused_and_no_secret_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(f"CHATBOT_VLLM__{name}", value)

    with pytest.raises(SettingsError, match=f"CHATBOT_VLLM__{name}.*{says}") as refused:
        settings.load()
    assert "hush" not in str(refused.value)


def test_a_sampling_of_several_texts_has_no_place_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_VLLM__SAMPLING__N", "2")

    with pytest.raises(SettingsError, match="n has no use in an answer that is one text"):
        settings.load()


def test_a_section_that_cannot_be_read_is_named_without_the_key_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_VLLM", '{"api_key": "secret"')

    with pytest.raises(SettingsError, match="CHATBOT_VLLM: not valid JSON") as raised:
        settings.load()

    assert "secret" not in str(raised.value)


PLACE = "postgresql+psycopg://me:horse@db.example:5432/chatbot?sslmode=require"


def test_the_database_is_shown_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_DATABASE", PLACE)
    loaded = settings.load()
    assert loaded.database == PLACE
    assert loaded.model_dump(mode="json")["database"] == PLACE.replace("horse", "***")
    assert "horse" not in f"{loaded!r} {loaded} {loaded.model_dump_json()}"


@pytest.mark.parametrize(
    "url", ["postgresql://me@/name?host=/run/postgresql", "postgresql://db/name", "postgresql+psycopg:///name"]
)
def test_a_database_may_need_no_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_DATABASE", url)
    assert settings.load().model_dump(mode="json")["database"] == settings.load().database == url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://me:horse@db/name", "it is no address of a PostgreSQL database; write it like"),
        ("postgresql://me:hor@horse@db/name", "an @ in the password as %40 and a / as %2F"),
        ("postgresql://me:hor/horse@db/name", "an @ in the password as %40 and a / as %2F"),
        ("postgresql://me:horse@db", "it is no address of a PostgreSQL database"),
        ("postgresql://me@db/name?password=horse", "write it before the host, as user:password@host"),
        ("horse", "it is no address of a PostgreSQL database"),
    ],
)
def test_a_database_that_cannot_be_is_refused_and_no_password_shown(
    url: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATBOT_DATABASE", url)
    with pytest.raises(SettingsError, match=re.escape(message)) as raised:
        settings.load()
    assert str(raised.value).startswith("CHATBOT_DATABASE = (secret): ")
    assert "horse" not in str(raised.value)


@pytest.mark.parametrize("name", ["CHATBOT_SERVICE_PORT", "CHATBOT_SERVICE_HOST", "CHATBOT_PORT_7860_TCP", "CHATBOT_EVAL_DATA"])
def test_a_variable_that_is_somebody_elses_is_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    assert settings.load().port == 7860
