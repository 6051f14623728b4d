"""Settings: a command-line flag wins over a CHATBOT_* variable, that over chatbot.toml, that over the default.

Built once in `bootstrap` and passed down as values; nothing else reads the environment.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_serializer, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableVariable

from chatbot.errors import BadParameter, SettingsError
from chatbot.sampling import Preset, Sampling

FILE = Path("chatbot.toml")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Section(BaseModel):
    """A table of chatbot.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EncoderSettings(Section):
    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """A local folder or a name on the model hub, in sentence-transformers' format."""
    threads: int = Field(default=1, ge=1, le=64)
    """Threads for one question; documents use every core."""


class ChunkSettings(Section):
    min_tokens: int = Field(default=100, ge=8)
    max_tokens: int = Field(default=230, ge=16, le=480)
    """A chunk is closed at the best boundary between the two, counted by the encoder's own tokenizer."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens {self.min_tokens} is above max_tokens {self.max_tokens}")
        return self


class RetrievalSettings(Section):
    candidates: int = Field(default=100, ge=1, le=1000)
    """Passages taken from each index before fusion."""
    dense_weight: float = Field(default=0.65, ge=0, le=1)
    """Share of the dense score in the convex fusion; the rest is BM25's."""
    top_k: int = Field(default=5, ge=1, le=50)
    """Passages handed to the engine."""


class AbstentionSettings(Section):
    min_cosine: float = Field(default=0.25, ge=-1, le=1)
    """No passage this close to the question: refuse. Chosen by `benchmarks/golden.py --sweep`."""


class DeadlineSettings(Section):
    """Seconds. A deadline that passes ends the answer with a sentence that says which one it was."""

    connect_s: float = Field(default=5, gt=0)
    first_token_s: float = Field(default=60, gt=0)
    """From sending the prompt to the first token, waiting in the server's queue and retries included."""
    between_tokens_s: float = Field(default=20, gt=0)
    total_s: float = Field(default=300, gt=0)


class VllmSettings(Section):
    """A vLLM server, for `engine = "vllm"`."""

    url: str = "http://127.0.0.1:8000"
    model: str = ""
    """A served model, or a LoRA adapter by its name; empty takes the first model served."""
    api_key: SecretStr = SecretStr("")
    preset: Preset = "precise"
    sampling: Sampling = Sampling(max_tokens=1024)
    """Laid over the preset; a question's own sampling is laid over both."""
    priority: int | None = None
    """Lower is served first, where the server runs with --scheduling-policy priority."""
    cache_salt: str = ""
    """Separates the prefix cache from that of other users of the server."""
    retries: int = Field(default=2, ge=0, le=10)
    """How often a request that got no token yet is tried again."""
    deadlines: DeadlineSettings = DeadlineSettings()

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr) -> SecretStr:
        if re.search(r"[^\x21-\x7e]", key.get_secret_value()):
            raise ValueError("it holds a space, a line break or a letter that no key has")
        return key

    @field_validator("sampling")
    @classmethod
    def _of_one_text(cls, sampling: Sampling) -> Sampling:
        try:
            return sampling.of_one_text()
        except BadParameter as error:
            raise ValueError(str(error)) from error

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        address = url.rstrip("/").removesuffix("/v1")
        if not re.fullmatch(r"https?://[^\s/?#\x00-\x1f\x7f]+(?:/[^\s?#\x00-\x1f\x7f]*)?", address):
            raise ValueError("it is no address; write it like http://127.0.0.1:8000")
        if "@" in address:  # it is shown in messages
            raise ValueError("it holds a password; a key belongs in CHATBOT_VLLM__API_KEY")
        return address


class FetchSettings(Section):
    """Pages and sitemaps from the web."""

    allow_private: tuple[str, ...] = ()
    """Networks such as 10.0.0.0/8, or names of hosts, that may be fetched from though they are not on the public internet."""
    max_bytes: int = Field(default=50 * 2**20, ge=1)
    connect_s: float = Field(default=10, gt=0)
    """From asking for the host's address to the connection, TLS included."""
    first_byte_s: float = Field(default=30, gt=0)
    total_s: float = Field(default=300, gt=0)
    """Redirects included; waiting for another request to the same host is not."""

    @field_validator("allow_private")
    @classmethod
    def _are_networks_or_hosts(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        for entry in entries:
            if re.search(r"[:/]|\.[0-9]+$", entry):
                ipaddress.ip_network(entry)
        return entries


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
    engine: str = "extractive"
    max_question_chars: int = Field(default=4000, ge=1)
    encoder: EncoderSettings = EncoderSettings()
    chunks: ChunkSettings = ChunkSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    abstention: AbstentionSettings = AbstentionSettings()
    vllm: VllmSettings = VllmSettings()

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
        return f"{where}: there is no such setting; `chatbot settings` lists them"
    if isinstance(problem["input"], dict):
        return f"{where}: {message[0].lower()}{message[1:]}"
    return f"{where} = {_shown(path, problem['input'])}: {message[0].lower()}{message[1:]}"


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
