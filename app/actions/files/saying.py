"""Saying how far something is that takes long, and not too often."""

from collections.abc import Callable
from time import monotonic

SAY_EVERY = 5.0

Say = Callable[[str], None]


def seldom(say: Say) -> Say:
    """Pass on what is said, once in some seconds."""
    said = monotonic()

    def now_and_then(sentence: str) -> None:
        nonlocal said
        if monotonic() - said > SAY_EVERY:
            said = monotonic()
            say(sentence)

    return now_and_then
