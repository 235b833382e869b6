"""What can go wrong with bytes.

StoreError
├── Missing               the store does not have the content
├── Corrupt               the store has something else under that key: an operator has to look
├── Mismatch              the bytes handed in are not those that were announced; nothing was stored
├── StoreFull             no room; the same may work later, or elsewhere
├── StoreUnavailable      not reachable, or failing, just now; the same may work later
│   └── StoreRefuses      reachable, but it does not let us: trying again does not help
└── Misconfigured         what describes the store cannot work
"""

from app.stores.keys import Key


class StoreError(Exception):
    """Something is wrong with a store, or with what it was given."""


class Missing(StoreError):
    """The store does not have the content."""

    def __init__(self, store: str, key: Key) -> None:
        super().__init__(f"The store {store} does not have {key}.")
        self.key = key


class Corrupt(StoreError):
    """Under the key lies something that is not its content. It is left as it is: delete it to store it anew."""

    def __init__(self, store: str, key: Key, why: str) -> None:
        super().__init__(f"The store {store} has something else as {key}: {why}.")
        self.key = key


class Mismatch(StoreError):
    """The bytes handed in have another size or hash than was announced. `received` is what came, when all of it did."""

    def __init__(self, key: Key, why: str, received: Key | None = None) -> None:
        super().__init__(f"Expected {key}, {why}.")
        self.key = key
        self.received = received


class StoreFull(StoreError):
    """The store has no room for it."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, takes too long, or fails."""


class StoreRefuses(StoreUnavailable):
    """The store answers, but with no: credentials, permissions, a bucket or directory that is not as it should be."""


class Misconfigured(StoreError):
    """The name, backend or configuration of a store cannot work; the message says which part, never a value."""
