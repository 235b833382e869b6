"""How long to wait before trying again."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Full jitter: anything from nothing to a bound that doubles with each failure.

    A thousand clients that lose one server at the same moment thus come back spread out, not in waves.
    """

    base: float = 0.2
    cap: float = 10.0
    random: Callable[[], float] = random.random

    def delay(self, failures: int) -> float:
        """Seconds to wait after this many failures in a row."""
        bound: float = min(self.cap, self.base * 2.0 ** min(failures, 30))
        return self.random() * bound
