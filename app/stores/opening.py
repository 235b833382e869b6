"""From the row that describes a store to the store.

A row says where bytes are: it is data, which people read and change. What proves who we are comes from the environment of
the process alone: from the variables that the object store's own tools read, as AWS_ACCESS_KEY_ID, or, for one store of
several, from WORKYARD_STORE_<NAME>_ACCESS_KEY_ID and its like.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from app.stores.errors import Misconfigured
from app.stores.local import LocalStore
from app.stores.memory import MemoryStore
from app.stores.objects import ObjectStore, client_config, retry_config
from app.stores.store import Store

DEFAULT = "Default"
"""The store that is there from the start; it alone may leave out where it is."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]{0,254}", re.ASCII)
PREFIX = re.compile(r"[A-Za-z0-9!_.*'()=-]+(/[A-Za-z0-9!_.*'()=-]+)*", re.ASCII)


@dataclass(frozen=True)
class StoreSettings:
    """What an operator decides for all stores."""

    default_directory: Path
    """Where the store named Default keeps its bytes when its row does not say; made when missing."""
    timeout: float = 30
    """Seconds to wait for an answer of an object store."""
    retries: int = 3
    """How often a request to an object store is tried again."""
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    """Where the credentials of single stores are looked up."""


def _absolute(path: Path) -> Path:
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("expected an absolute path without ..")
    return path


def _plain_prefix(prefix: str) -> str:
    if not PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")):
        raise ValueError("expected names with slashes between them")
    return prefix


Directory = Annotated[Path, AfterValidator(_absolute)]
BucketPrefix = Annotated[str, AfterValidator(_plain_prefix)]


class Configuration(BaseModel):
    """What a row may say; anything else is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LocalConfiguration(Configuration):
    base_directory: Directory | None = Field(None, description="Absolute path of the directory.")


class MemoryConfiguration(Configuration):
    max_bytes: int = Field(1 << 28, ge=0, description="Bytes that it takes at most.")


class BucketConfiguration(Configuration):
    direct: bool = Field(
        False,
        description="Whoever has a signed address of a download is sent on to the object store: they can reach it.",
    )


class S3Configuration(BucketConfiguration):
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="Name of the bucket.")
    prefix: BucketPrefix | None = Field(None, description="What every name in the bucket begins with.")
    region: str | None = Field(None, pattern=r"^[a-z0-9-]{1,40}$", description="Region of the bucket.")
    endpoint: str | None = Field(
        None,
        pattern=r"^https?://[A-Za-z0-9.\[\]:-]+/?$",
        description="Address of a server that speaks S3, when it is not Amazon's.",
    )
    virtual_hosted_style: bool = Field(False, description="The bucket is part of the server's name.")


class GCSConfiguration(BucketConfiguration):
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", description="Name of the bucket.")
    prefix: BucketPrefix | None = Field(None, description="What every name in the bucket begins with.")


class AzureConfiguration(BucketConfiguration):
    container: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", description="Name of the container.")
    account: str = Field(pattern=r"^[a-z0-9]{3,24}$", description="Name of the storage account.")
    prefix: BucketPrefix | None = Field(None, description="What every name in the container begins with.")


CONFIGURATIONS: dict[str, type[Configuration]] = {
    "local": LocalConfiguration,
    "memory": MemoryConfiguration,
    "s3": S3Configuration,
    "gcs": GCSConfiguration,
    "azure": AzureConfiguration,
}
CREDENTIALS: dict[str, tuple[str, ...]] = {
    "s3": ("access_key_id", "secret_access_key", "session_token"),
    "gcs": ("service_account", "service_account_key"),
    "azure": ("account_key", "sas_key", "client_id", "client_secret", "tenant_id"),
}

C = TypeVar("C", bound=Configuration)


def check_configuration(backend: str, name: str, configuration: Mapping[str, Any]) -> Configuration:
    """The configuration, checked. Raises `Misconfigured` with a sentence for each part that cannot work."""
    if not NAME.fullmatch(name):
        raise Misconfigured("The name of a store is a letter, then letters, digits, and + . _ -")
    model = CONFIGURATIONS.get(backend)
    if model is None:
        raise Misconfigured(f"expected a backend of {', '.join(CONFIGURATIONS)}, got {backend[:40]!r}")
    try:
        checked = model.model_validate(dict(configuration))
    except ValidationError as error:
        raise Misconfigured(" ".join(_complaints(backend, name, error))) from None
    if isinstance(checked, LocalConfiguration) and checked.base_directory is None and name != DEFAULT:
        raise Misconfigured(f"The store {name} needs a base_directory: only {DEFAULT} has one without it.")
    return checked


def open_store(backend: str, name: str, configuration: Mapping[str, Any], settings: StoreSettings) -> Store:
    """The store that a row describes. Raises `Misconfigured`; nothing is asked of the network or the disk yet."""
    checked = check_configuration(backend, name, configuration)
    match checked:
        case LocalConfiguration():
            directory = checked.base_directory
            return LocalStore(name, directory or settings.default_directory, create=directory is None)
        case MemoryConfiguration():
            return MemoryStore(name, checked.max_bytes)
    try:
        return _open_bucket(backend, name, checked, settings)
    except (BaseError, ValueError, OSError):
        # The library's message may quote what it could not read, and that may be a key.
        raise Misconfigured(f"The store {name} cannot be opened with the credentials it was given.") from None


def _open_bucket(backend: str, name: str, checked: Configuration, settings: StoreSettings) -> Store:
    secrets: Any = _credentials(backend, name, settings.environment)
    limits: Any = {
        "client_options": client_config(settings.timeout, allow_http=_is_plain(checked)),
        "retry_config": retry_config(settings.timeout, settings.retries),
    }
    bucket: S3Store | GCSStore | AzureStore
    match checked:
        case S3Configuration():
            bucket = S3Store(checked.bucket, prefix=checked.prefix, config=_s3(checked) | secrets, **limits)
        case GCSConfiguration():
            bucket = GCSStore(checked.bucket, prefix=checked.prefix, config=secrets, **limits)
        case AzureConfiguration():
            named = {"account_name": checked.account}
            bucket = AzureStore(checked.container, prefix=checked.prefix, config=named | secrets, **limits)
        case _:
            raise AssertionError(backend)
    return ObjectStore(name, bucket, timeout=settings.timeout, retries=settings.retries)


def _s3(checked: S3Configuration) -> dict[str, Any]:
    # Not every server that speaks S3 can delete many at once, and we delete one at a time.
    config: dict[str, Any] = {"disable_bulk_delete": True}
    if checked.region:
        config["region"] = checked.region
    if checked.endpoint:
        config["endpoint"] = checked.endpoint.rstrip("/")
    if checked.virtual_hosted_style:
        config["virtual_hosted_style_request"] = True
    return config


def _is_plain(checked: Configuration) -> bool:
    return isinstance(checked, S3Configuration) and (checked.endpoint or "").startswith("http://")


def credential_variable(name: str, credential: str) -> str:
    """The environment variable that gives a credential of one store."""
    return f"WORKYARD_STORE_{re.sub('[^A-Z0-9]', '_', name.upper())}_{credential.upper()}"


def _credentials(backend: str, name: str, environment: Mapping[str, str]) -> dict[str, str]:
    found = {one: environment.get(credential_variable(name, one)) for one in CREDENTIALS[backend]}
    return {one: value for one, value in found.items() if value}


def _complaints(backend: str, name: str, error: ValidationError) -> list[str]:
    """A sentence for each part that cannot work, without what was given: it may be a secret at the wrong place."""
    sentences = []
    for detail in error.errors(include_input=False, include_context=False, include_url=False):
        part = ".".join(str(step) for step in detail["loc"])[:80]
        if detail["type"] == "extra_forbidden" and part in CREDENTIALS.get(backend, ()):
            sentences.append(f"{part} belongs into the variable {credential_variable(name, part)}, not here.")
        elif detail["type"] == "extra_forbidden":
            sentences.append(f"{part} means nothing to a store of the backend {backend}.")
        else:
            sentences.append(f"{part}: {detail['msg']}.")
    return sentences
