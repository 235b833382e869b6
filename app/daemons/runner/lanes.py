"""Where tasks run: on the loop, in threads, or in processes."""

from collections import deque

from app.daemons.runner.held import Held


class Lane:
    """What runs in one place: on the loop, in threads, or in processes; and what waits for its turn there."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.running = 0
        self.pausing = False
        """True while one of those that run here lets the loop look at other things, and will take the next that waits."""
        self.waiting: deque[Held] = deque()

    @property
    def free(self) -> int:
        return self.limit - self.running - len(self.waiting)
