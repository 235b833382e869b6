"""Addresses of files and archives, and signatures with which whoever has one may download for a while, without identity."""

import base64
import hashlib
import hmac
import math
import os
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, quote

from pydantic import SecretStr

from app.clock import now
from app.errors import BadInput, Unavailable
from app.settings import Settings

ArchiveFormat = Literal["tar.gz", "zip"]

LONGEST = timedelta(days=7)
KEY_FILE = "signing-key"
KEY_BYTES = 32
PURPOSE = b"workyard: addresses of downloads, 1"
MOST_DIGITS = 12


def file_path(artifact_id: int, path: str) -> str:
    """The path of a file's address, not quoted."""
    return f"/artifacts/{artifact_id}/files/{path}"


def archive_path(artifact_id: int, format: ArchiveFormat) -> str:
    """The path of the address of a whole artifact."""
    return f"/artifacts/{artifact_id}/archive.{format}"


def file_url(settings: Settings, path: str) -> str:
    """The whole address of a path, for those who prove who they are."""
    return (settings.public_url or settings.bind_url).rstrip("/") + quote(path)


def download_url(settings: Settings, path: str, expires_in: timedelta | None) -> str:
    """The whole address of a path, signed so that anybody may GET it for that long. None: not signed.

    Who may have one is for the caller to say. Raises `BadInput` for a time that is not more than 0 and up to 7 days,
    `Unavailable` when there is no key and none can be kept.
    """
    url = file_url(settings, path)
    if expires_in is None:
        return url
    if not timedelta(0) < expires_in <= LONGEST:
        raise BadInput("An address can be signed for up to 7 days.", path=("expiresIn",))
    return f"{url}?{Signer.of(settings).sign(path, now() + expires_in)}"


class Signer:
    """Signs that GET and HEAD of one path are allowed until a time, and checks that."""

    def __init__(self, key: bytes) -> None:
        # Of the operator's key only this is used, so that another use of the same key cannot be played against us.
        self._key = hmac.digest(key, PURPOSE, "sha256")

    @classmethod
    def of(cls, settings: Settings) -> "Signer":
        """The one of this installation. Raises `Unavailable` when there is no key and none can be kept."""
        return cls(_key(settings.signing_key, settings.data_dir))

    def sign(self, path: str, until: datetime) -> str:
        """What to put behind the question mark."""
        # Rounded up: nobody gets less time than they were told.
        expires = math.ceil(until.timestamp())
        return f"expires={expires}&signature={self._signature(path, expires)}"

    def refusal(self, path: str, query: bytes) -> str | None:
        """Why this query does not open the path just now; None when it does."""
        given = _single_values(query)
        expires, signature = given.get("expires", ""), given.get("signature", "")
        if not (expires.isascii() and expires.isdigit() and len(expires) <= MOST_DIGITS):
            return "The signature of this address is not ours."
        if not hmac.compare_digest(signature.encode(), self._signature(path, int(expires)).encode()):
            return "The signature of this address is not ours."
        return None if self.seconds_left(query) > 0 else "This address has expired: ask for a new one."

    def seconds_left(self, query: bytes) -> float:
        """For how long a query that was found good stays so."""
        return int(_single_values(query)["expires"]) - now().timestamp()

    def _signature(self, path: str, expires: int) -> str:
        # The path comes last: it alone can contain anything.
        message = f"GET\n{expires}\n{path}".encode(errors="surrogatepass")
        digest = hmac.digest(self._key, message, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_signed(query: bytes) -> bool:
    """Whether a query wants to open by a signature, be it good or not."""
    return b"signature=" in query


def _single_values(query: bytes) -> dict[str, str]:
    """What was given once. Given twice, a name means nothing."""
    with suppress(ValueError):
        found = parse_qs(query.decode("ascii"), max_num_fields=20)
        return {name: values[0] for name, values in found.items() if len(values) == 1}
    return {}


@cache
def _key(given: SecretStr | None, directory: Path) -> bytes:
    if given is not None:
        return given.get_secret_value().encode()
    try:
        return _kept_key(directory / KEY_FILE)
    except OSError as error:
        raise Unavailable(
            f"Addresses cannot be signed: set SIGNING_KEY, or let us keep a key in WORKYARD_DATA_DIR ({error.strerror})."
        ) from error


def _kept_key(path: Path) -> bytes:
    """The key in a file that only we can read. Of several processes that begin at once, all get the same."""
    with suppress(FileNotFoundError):
        return _read_key(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(new, path)  # unlike a rename, it replaces none
    finally:
        new.unlink()
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise OSError(0, f"{path} holds {len(key)} bytes instead of {KEY_BYTES}")
    return key
