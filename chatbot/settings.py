"""Settings: a command-line flag wins over a CHATBOT_* variable, that over chatbot.toml, that over the default.

Built once in `bootstrap` and passed down as values; nothing else reads the environment.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_serializer, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableVariable

from chatbot.errors import SettingsError
from chatbot.sections import (
    AbstentionSettings,
    CacheSettings,
    ChromaSettings,
    ChunkSettings,
    EncoderSettings,
    FetchSettings,
    QuotingSettings,
    RetrievalSettings,
    VllmSettings,
)

FILE = Path("chatbot.toml")
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_MISSPELT = 0.8
"""Likeness by difflib: two letters exchanged in a word of five, and not a Kubernetes service's CHATBOT_SERVICE_PORT."""


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix="CHATBOT_", env_nested_delimiter="__", extra="forbid", frozen=True, nested_model_default_partial_update=True
    )

    data_dir: Path = Path(".chatbot")
    """Everything the product stores lives here."""
    database: str = Field(default="", repr=False)
    """URL of a PostgreSQL database for the catalogue; empty is a SQLite file in the data directory."""
    knowledge: Path | None = None
    """A folder of collections to serve instead of the built-in ones and ./knowledge."""
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65535)
    """0 takes a free port."""
    allowed_hosts: tuple[str, ...] = ()
    """Names under which browsers reach the server, needed where `host` is not this machine alone."""
    watch: bool = False
    """Sync whenever a file changes, while the server runs. Off: reading takes processor time from answers, at any moment."""
    engine: str = "extractive"
    max_question_chars: int = Field(default=4000, ge=1)
    encoder: EncoderSettings = EncoderSettings()
    chroma: ChromaSettings = ChromaSettings()
    chunks: ChunkSettings = ChunkSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    abstention: AbstentionSettings = AbstentionSettings()
    quoting: QuotingSettings = QuotingSettings()
    cache: CacheSettings = CacheSettings()
    vllm: VllmSettings = VllmSettings()
    fetch: FetchSettings = FetchSettings()

    @property
    def is_private(self) -> bool:
        """True where nobody but this machine's users reaches the server."""
        return self.host in LOOPBACK and not self.allowed_hosts

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _TomlSource(settings_cls)

    @field_validator("data_dir", "knowledge", "host", "engine", mode="before")
    @classmethod
    def _is_given(cls, value: Any) -> Any:
        """An empty path would be the working directory, and a variable of a script may well be empty."""
        if value == "":
            raise ValueError("it is empty; leave it out to have the default")
        return value

    @field_validator("data_dir", "knowledge")
    @classmethod
    def _from_home(cls, folder: Path | None) -> Path | None:
        """A shell replaces `~` in a variable, but nobody does in a file."""
        try:
            return folder and folder.expanduser()
        except RuntimeError as error:
            raise ValueError("there is no such home directory") from error

    @field_validator("knowledge")
    @classmethod
    def _is_folder(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_dir():
            raise ValueError("there is no such folder")
        return folder

    @field_validator("database")
    @classmethod
    def _is_postgresql(cls, url: str) -> str:
        if url and not re.fullmatch(r"postgresql(\+psycopg)?://[^@/?#\s]*(@[^@/?#\s]*)?/[^@/?#\s]+(\?[^#\s]*)?", url):
            raise ValueError(
                "it is no address of a PostgreSQL database; write it like postgresql+psycopg://user:password@host/name, "
                "an @ in the password as %40 and a / as %2F"
            )
        if "password=" in url.partition("?")[2]:  # messages leave out the other one only
            raise ValueError("its password stands behind the name; write it before the host, as user:password@host")
        return url

    @field_serializer("database", when_used="json")
    def _without_password(self, url: str) -> str:
        return re.sub(r"(//[^:@]*):[^@]*@", r"\1:***@", url)

    @model_validator(mode="after")
    def _open_only_on_purpose(self) -> Self:
        if self.host not in LOOPBACK and not self.allowed_hosts:
            raise ValueError(
                f"host {self.host!r} is reachable from other machines and there are no accounts yet; "
                "set allowed_hosts to the names browsers will use, or keep 127.0.0.1"
            )
        return self


class _TomlSource(PydanticBaseSettingsSource):
    """Reads chatbot.toml in the working directory, if there is one."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError("the file is read whole")  # pydantic-settings asks for this method, and calls __call__

    def __call__(self) -> dict[str, Any]:
        return _read_file()


def load(**flags: Any) -> Settings:
    """Build the settings; `flags` are the command line's, None where not given.

    Raises:
        SettingsError: names the flag, variable or TOML path, the value, and what is allowed.
    """
    _check_variables()
    given = {name: value for name, value in flags.items() if value is not None}
    if url := given.pop("vllm_url", None):
        given["vllm"] = {"url": url}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("; ".join(_describe(problem, given) for problem in error.errors())) from error
    except UnreadableVariable as error:
        raise SettingsError(_unreadable(str(error).split('"')[1])) from error


def origin(path: str) -> Literal["environment", "chatbot.toml", "default"]:
    """Where the value of a setting, named as in chatbot.toml, comes from when no flag gives it."""
    *sections, name = path.split(".")
    if _variable((*sections, name)):
        return "environment"
    table = _read_file()
    for section in sections:
        table = table.get(section, {})
    return "chatbot.toml" if name in table else "default"


def _read_file() -> dict[str, Any]:
    try:
        return tomllib.loads(FILE.read_text(encoding="utf-8-sig"))  # Windows' editors put a mark in front
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{FILE}: not valid TOML: {error}; mend that line or remove the file") from error
    except OSError as error:
        raise SettingsError(f"{FILE}: cannot be read: {error.strerror}; check its permissions") from error


def _describe(problem: Any, flags: dict[str, Any]) -> str:
    location = problem["loc"]
    path = ".".join(str(part) for part in location)
    message = problem["msg"].removeprefix("Value error, ")
    if not path:
        return message
    if _is_given(location, flags):
        where = "--" + path.replace("_", "-").replace(".", "-")
    elif variable := _variable(location):
        where = variable
    else:
        where = f"{FILE}: {path}"
    if problem["type"] == "extra_forbidden":
        return f"{where}: there is no such setting; {_meant(path)}`chatbot settings` lists them"
    if isinstance(problem["input"], dict):
        return f"{where}: {message[0].lower()}{message[1:]}"
    return f"{where} = {_shown(path, problem['input'])}: {message[0].lower()}{message[1:]}"


def _meant(path: str) -> str:
    """The setting that is spelt most like this one, in the place of it."""
    *sections, name = path.split(".")
    names: Any = Settings.model_fields
    for section in sections:
        names = getattr(names[section].annotation, "model_fields", {})
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}? " if near else ""


def _check_variables() -> None:
    """A variable that is a setting but for a letter or two would be passed over without a word; others may be anybody's.

    Raises:
        SettingsError: there is one.
    """
    for variable in sorted(os.environ):
        name = variable.lower().removeprefix("chatbot_").partition("__")[0]
        if not variable.upper().startswith("CHATBOT_") or name in Settings.model_fields:
            continue
        if near := difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=_MISSPELT):
            meant = variable[: len("CHATBOT_")] + near[0].upper() + variable[len("CHATBOT_") + len(name) :]
            raise SettingsError(f"{variable}: there is no such setting; did you mean {meant}? `chatbot settings` lists them")


def _shown(path: str, value: Any) -> str:
    """The value, without what nobody should read over a shoulder or in a log."""
    return "(secret)" if path.endswith(("api_key", "database")) else re.sub(r"//[^/]*@", "//(secret)@", repr(value))


def _is_given(location: tuple[str | int, ...], flags: Any) -> bool:
    """True if the command line gave what stands at `location`."""
    for name in location:
        if not isinstance(flags, dict) or name not in flags:
            return False
        flags = flags[name]
    return True


def _variable(location: tuple[str | int, ...]) -> str:
    """The environment variable that sets what stands at `location`, something around it or something inside it."""
    parts = [str(part).upper() for part in location]
    around = ["CHATBOT_" + "__".join(parts[: count + 1]) for count in range(len(parts))]
    for name in sorted(os.environ):
        if name.upper() in around or name.upper().startswith(f"{around[-1]}__"):
            return name
    return ""


def _unreadable(field: str) -> str:
    name = _variable((field,))
    shown = "" if field == "vllm" else f" = {os.environ.get(name)!r}"  # it may hold the key
    return (
        f'{name}{shown}: not valid JSON; a list is written \'["one", "two"]\', '
        "and the settings of a section are given one by one, as in CHATBOT_CHUNKS__MAX_TOKENS=200"
    )
