"""How much cost a caller may spend: a bucket each, refilled as time passes."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from typing import Any

from app.errors import LimitExceeded

MOST_BUCKETS = 50_000


class Budget:
    """The buckets of this process, in memory. A caller that is not heard of for long has a full one."""

    def __init__(
        self,
        limit: int,
        refill_per_second: int,
        clock: Callable[[], float] = time.monotonic,
        servers: Callable[[], int] = lambda: 1,
    ) -> None:
        self._limit = limit
        self._refill_of_all = refill_per_second
        self._servers = servers
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = (
            OrderedDict()
        )  # → points left, at this time

    @property
    def _refill(self) -> float:
        """Points a second here: a caller's requests are spread over all processes, and so is what refills its bucket."""
        return self._refill_of_all / max(1, self._servers())

    def spend(self, who: Hashable, points: int) -> None:
        """Take points, or raise `LimitExceeded` that says when there will be enough."""
        moment = self._clock()
        left = self._left(who, moment)
        if points > self._limit:
            raise LimitExceeded(f"The operation costs up to {points:,} points; the limit is {self._limit:,}.")
        if points > left:
            seconds = math.ceil((points - left) / self._refill)
            message = f"The operation costs up to {points:,} points and {int(left):,} are left."
            raise LimitExceeded(f"{message} Try again in {seconds} s.", retry_after=seconds)
        self._keep(who, left - points, moment)

    def take(self, who: Hashable, points: int) -> bool:
        """Take points if there are enough; else take none, and return False."""
        moment = self._clock()
        left = self._left(who, moment)
        if points <= left:
            self._keep(who, left - points, moment)
        return points <= left

    async def spend_when_refilled(self, who: Hashable, points: int) -> None:
        """Take points as soon as there are enough: for what is to be slowed down, and not refused."""
        while (left := self.left(who)) < points:  # noqa: ASYNC110  it refills as time passes
            await asyncio.sleep((points - left) / self._refill)
        self._keep(who, left - points, self._clock())

    def give_back(self, who: Hashable, points: int) -> None:
        """Return points that were taken and turned out not to be needed."""
        moment = self._clock()
        self._keep(who, min(self._left(who, moment) + points, self._limit), moment)

    def left(self, who: Hashable) -> float:
        """Points that the caller may spend now."""
        return self._left(who, self._clock())

    def describe(self, who: Hashable, requested: int, actual: int) -> dict[str, Any]:
        """What `extensions.cost` says."""
        left = self.left(who)
        full_in = timedelta(seconds=(self._limit - left) / self._refill)
        return {
            "requested": requested,
            "actual": actual,
            "limit": self._limit,
            "remaining": int(left),
            "resetAt": (datetime.now(UTC) + full_in).isoformat(timespec="milliseconds"),
        }

    def _left(self, who: Hashable, moment: float) -> float:
        bucket = self._buckets.get(who)
        if bucket is None:
            return float(self._limit)
        points, at = bucket
        return min(points + (moment - at) * self._refill, self._limit)

    def _keep(self, who: Hashable, points: float, moment: float) -> None:
        self._buckets[who] = (points, moment)
        self._buckets.move_to_end(who)
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
