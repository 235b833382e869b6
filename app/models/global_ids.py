"""The id of a row that is unique over all types: opaque to clients, checked when it comes back."""

import base64
import binascii
from binascii import a2b_base64, b2a_base64
from typing import Any
from uuid import UUID

from app.errors import BadInput

LIMIT = 200
_FOR_URLS = bytes.maketrans(b"+/", b"-_")

Path = tuple[str, ...]


def global_id(type_name: str, id: object) -> str:
    """The id of an object that is unique over all types, as Relay wants it."""
    # Of names, numbers and UUIDs Base64 makes no + and no /, which would have to be replaced.
    return b2a_base64(f"{type_name}:{id}".encode(), newline=False).decode().rstrip("=")


def decode_id(value: str, path: Path = ("id",)) -> tuple[str, Any]:
    """The type in a global id, and what its row is found by: a number, or a UUID. `BadInput` when it is none.

    Each is spelled as we write it: there is one id for a row.
    """
    try:
        name, _, key = decode(value, LIMIT).decode("ascii").partition(":")
        if not name.isidentifier():
            raise ValueError
        return name, UUID(key) if len(key) == 36 and str(UUID(key)) == key else _number(key)
    except ValueError:
        raise BadInput(f"'{value[:60]}' is no id of this server.", path=path) from None


def _number(text: str) -> int:
    number = int(text)
    if str(number) != text or not 0 < number < 2**63:
        raise ValueError
    return number


def encode(data: bytes) -> str:
    """Bytes as text that fits into a URL."""
    return b2a_base64(data, newline=False).translate(_FOR_URLS, b"=").decode("ascii")


def decode(value: str, limit: int) -> bytes:
    """The bytes in such a text; ValueError when it is none, or longer than that."""
    if len(value) > limit:
        raise ValueError
    if value.isascii() and value.isalnum():  # as nearly all are: nothing to check or to replace
        return a2b_base64(value + "=" * (-len(value) % 4))
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError from error
