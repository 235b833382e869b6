"""What the operator of a worker may decide: by options of the command, WORKYARD_WORKER_… variables, or by default."""

import difflib
import os
import re
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.client.client import endpoints

PREFIX = "WORKYARD_WORKER_"


class WorkerSettingsError(Exception):
    """Settings that cannot work; the message has one sentence for each."""


def _split(value: object) -> object:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


def default_state_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/workyard/worker")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "workyard/worker"


class WorkerSettings(BaseSettings):
    """One worker's settings: `name` is read from WORKYARD_WORKER_NAME, and so on; `url` from WORKYARD_URL."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    # Where it belongs
    url: str = Field(
        "http://127.0.0.1:8000",
        validation_alias="WORKYARD_URL",
        description="Address of the Workyard server.",
    )
    name: str = Field(
        default_factory=socket.getfqdn,
        min_length=1,
        max_length=400,
        description="Name to register with, usually the FQDN of the machine, which is the default.",
    )
    state_dir: Path = Field(
        default_factory=default_state_dir,
        description="Directory of the worker's secret and of its working directories. One for each worker.",
    )
    token_file: Path | None = Field(
        None,
        description="File with the worker's secret; made when it is not there. Default: token in STATE_DIR.",
    )
    activation_token: SecretStr | None = Field(
        None,
        description="Activation token from an administrator, for the first start: the worker is enabled at once.",
    )

    # What it does
    concurrency: int = Field(2, ge=1, le=1000, description="Work requests that it works on at once.")
    tasks: Words = Field(
        (), description="Tasks to take, separated by commas. Default: all that it has a handler for."
    )
    tags: Words = Field((), description="Tags that it provides besides task:<name>, separated by commas.")
    lease_seconds: int = Field(
        60,
        ge=3,
        le=3600,
        description="How long the server waits for word of the worker before it gives its work away.",
    )
    poll_seconds: float = Field(
        30, ge=1, le=3600, description="How often it asks for work without having been told of any."
    )
    grace_seconds: float = Field(
        4,
        ge=0,
        le=86_400,
        description="On SIGTERM or SIGINT: how long running work may go on before it is handed back.",
    )

    # What tasks may use
    timeout_seconds: float = Field(
        86_400, gt=0, le=864_000, description="Longest time that one attempt may take."
    )
    memory_bytes: int | None = Field(
        None,
        ge=16 * 2**20,
        description="Most memory of one attempt, all its processes together. Default: no limit.",
    )
    file_bytes: int | None = Field(
        None, ge=1, description="Longest file that a task may write. Default: no limit."
    )
    cache_bytes: int = Field(
        10 * 2**30,
        ge=0,
        description="Bytes of input files that it keeps below STATE_DIR, so as not to fetch them again.",
    )
    pass_environment: Words = Field(
        (), description="Names of the worker's own environment variables that tasks may see. Default: none."
    )

    @field_validator("url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        endpoints(value)
        return value

    @field_validator("tasks", "tags")
    @classmethod
    def _plain(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if odd := [value for value in values if not re.fullmatch(TAG, value)]:
            raise ValueError(f"letters, digits and :._/@+=- only, got {odd[0]!r}")
        return values

    @field_validator("state_dir", "token_file")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else value


TAG = r"[A-Za-z0-9][A-Za-z0-9:._/@+=-]{0,99}"


def load_worker_settings(**given: Any) -> WorkerSettings:
    """The settings, with those that are given before the environment's. Raises WorkerSettingsError."""
    complaints = list(misspelt(os.environ))
    try:
        settings = WorkerSettings(**given)
    except ValidationError as error:
        complaints += [sentence(detail) for detail in error.errors()]
    if complaints:
        raise WorkerSettingsError("\n".join(complaints))
    return settings


def misspelt(environ: Iterable[str]) -> Iterator[str]:
    known = {f"{PREFIX}{field.upper()}" for field in WorkerSettings.model_fields}
    for name in sorted(set(environ) - known):
        if name.startswith(PREFIX):
            near = difflib.get_close_matches(name, known, n=1, cutoff=0)
            yield f"{name} is not a setting of the worker; did you mean {near[0]}?"


def sentence(detail: Any) -> str:
    field = str(detail["loc"][0]).removeprefix("WORKYARD_").lower()
    name = "WORKYARD_URL" if field == "url" else f"{PREFIX}{field.upper()}"
    says = detail["msg"].removeprefix("Value error, ")
    got = "" if "got" in says or field == "activation_token" else f", got {detail['input']!r}"
    return f"{name}: {says[0].lower()}{says[1:]}{got}"
