"""Where a browser's request comes from, and whether that may be."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.types import Scope

from app.headers import header
from app.settings import Settings


class Origins:
    """Knows our own origin and those that the operator allows."""

    def __init__(self, *, public_url: str | None = None, allowed: Collection[str] = ()) -> None:
        self._public = (public_url or "").rstrip("/").lower()
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    @classmethod
    def of(cls, settings: Settings) -> "Origins":
        """The origins that the operator decided."""
        return cls(public_url=settings.public_url, allowed=settings.allowed_origins)

    def may_call(self, scope: Scope) -> bool:
        """True unless a browser says that the page asking is of an origin that is neither ours nor allowed."""
        origin = header(scope, b"origin").lower()
        return not origin or "*" in self._allowed or origin in self._allowed or self._is_ours(scope, origin)

    def may_use_cookie(self, scope: Scope, *, reads_only: bool = False) -> bool:
        """True when the request comes from a page of ours, and so may use the cookie that the browser adds by itself.

        Browsers send no Origin with a GET to where the page came from; one that only reads may do without.
        """
        origin = header(scope, b"origin").lower()
        if not origin:
            return reads_only and header(scope, b"sec-fetch-site") in ("", "same-origin", "none")
        return self._is_ours(scope, origin)

    def _is_ours(self, scope: Scope, origin: str) -> bool:
        # A proxy may end TLS before us, so that only its host can be compared.
        return origin == self._public or urlsplit(origin).netloc == header(scope, b"host").lower()
