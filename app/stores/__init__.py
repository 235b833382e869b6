"""Where bytes live: a directory, the memory of this process, or a bucket of an object store.

A store knows content by its hash and size, and nothing of who may see it or what it is called. `open_store` opens the store
that a row describes; `Store` says what each promises; `tests/stores` holds all of them to it.
"""

from app.stores.errors import (
    Corrupt,
    Misconfigured,
    Mismatch,
    Missing,
    StoreError,
    StoreFull,
    StoreRefuses,
    StoreUnavailable,
)
from app.stores.keys import Key
from app.stores.opening import StoreSettings, check_configuration, open_store
from app.stores.store import Listed, Source, Store, copy, verify

__all__ = [
    "Corrupt",
    "Key",
    "Listed",
    "Misconfigured",
    "Mismatch",
    "Missing",
    "Source",
    "Store",
    "StoreError",
    "StoreFull",
    "StoreRefuses",
    "StoreSettings",
    "StoreUnavailable",
    "check_configuration",
    "copy",
    "open_store",
    "verify",
]
