"""dramatiq's `GroupCallbacks` on our tables: members count down in the transaction that stores their end."""

from typing import Any
from uuid import UUID

import dramatiq
from dramatiq.rate_limits import RateLimiterBackend

from app.tasks.groups import CALLBACKS, GROUP
from app.tasks.making import new_task
from app.tasks.messages import Counted, Message, NewGroup
from app.tasks.running import current, on_event_loop
from app.tasks.sending import EnqueueOnLoop, store, wait_for


class GroupCallbacks(dramatiq.middleware.GroupCallbacks):
    """Lets a group call back once every member has returned, whichever runner the last one was on.

    A member that fails for good, or was skipped, does not count, as with dramatiq. Nor does one that was rejected; once
    somebody retries it and it returns, it does.
    """

    def __init__(self) -> None:  # not dramatiq's, which wants a Redis
        self.rate_limiter_backend = _Groups()
        self.barrier_ttl = 0  # when a group is given up is not for the sender to say: see forget_groups()

    def after_process_message(
        self,
        broker: Any,
        message: Any,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """Make up what is to be sent if this was the last: only the engine will know."""
        task = current.get()
        options = message.options
        if exception is not None or task is None or not (options.get(GROUP) and options.get(CALLBACKS)):
            return
        callbacks: list[Message] = [dramatiq.Message(**callback) for callback in options[CALLBACKS]]
        for callback in callbacks:
            broker.before_enqueue(callback, None)
        task.counted = Counted(UUID(options[GROUP]), [new_task(each, broker=broker) for each in callbacks])


class _Groups(RateLimiterBackend):
    """What `group.run()` needs: it says how many members there will be, and sends them one by one."""

    def add(self, key: str, value: int, ttl: int) -> bool:
        group = NewGroup(UUID(key), value)
        task = current.get()
        if task is not None:
            task.groups += (group,)
        elif on_event_loop():
            raise EnqueueOnLoop("run() waits, which a coroutine must not: write `await enqueue(group)`.")
        else:
            wait_for(store((), [group]))
        return True
