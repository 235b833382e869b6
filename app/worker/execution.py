"""One attempt at one work request: the lease kept, the work done, the log delivered, the end reported."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from typing import Any

import structlog

from app.client import ClientError, Unavailable
from app.worker.artifacts import Artifacts
from app.worker.handler import Handler, Outcome, WorkRequest
from app.worker.log_lines import LogLines
from app.worker.perform import Bench, perform
from app.worker.verbs import AttemptLost, LogLine, Refused, Server


class Ending(Enum):
    """How an attempt ended on this worker."""

    REPORTED = "reported"
    LOST = "lost"
    """It was aborted or given to somebody else: nothing is reported."""
    HANDED_BACK = "handed back"


class Execution:
    """An attempt that this worker has claimed. `run` it once; `lose` and `hand_back` end it early."""

    def __init__(
        self,
        request: WorkRequest,
        handler: Handler | None,
        bench: Bench,
        server: Server,
        artifacts: Artifacts,
    ) -> None:
        self.request = request
        self._handler = handler
        self._bench = bench
        self._server = server
        self._artifacts = artifacts
        self._order: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._mute = False
        self._doubt = asyncio.Event()
        self._log = structlog.get_logger(__name__).bind(
            work_request=request.id, attempt=request.attempt, task_name=request.task_name
        )

    async def run(self) -> Ending:
        """Until the server knows the end, or does not want to know it. Afterwards no process of the task is left."""
        self._log.info("started")
        working = asyncio.create_task(self._work())
        leasing = asyncio.create_task(self._keep_lease())
        try:
            waiting: set[asyncio.Future[Any]] = {working, leasing, self._order}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            ending = self._order.result() if self._order.done() else Ending.LOST
            if working.done():
                ending = working.result()
        finally:
            await ended(working, leasing)
        if ending is Ending.HANDED_BACK:
            ending = await self._hand_back()
        if ending is not Ending.REPORTED:
            self._log.info(ending.value)
        return ending

    def lose(self, reason: str) -> None:
        """Stop: the server does not count on this attempt any more."""
        self._give(Ending.LOST, reason)

    def check(self) -> None:
        """Ask the server at once whether the attempt still counts."""
        self._doubt.set()

    def hand_back(self) -> None:
        """Stop, and give the request back to the queue."""
        self._give(Ending.HANDED_BACK, "the worker stops")

    def _give(self, order: Ending, reason: str) -> None:
        if not self._order.done():
            self._log.info("stopping", reason=reason)
            self._order.set_result(order)

    async def _work(self) -> Ending:
        lines = LogLines(self._send)
        async with asyncio.TaskGroup() as group:
            group.create_task(lines.deliver())
            outcome = await self._outcome(lines)
            await lines.end()
        try:
            await self._server.complete(self.request, outcome)
        except AttemptLost as error:
            self._log.info("the report is not wanted", reason=str(error))
            return Ending.LOST
        except Refused as error:  # the lease will run out, and somebody else try it
            self._log.error("the report was refused", error=str(error))
            return Ending.LOST
        self._log.info("completed", result=outcome.result)
        return Ending.REPORTED

    async def _outcome(self, lines: LogLines) -> Outcome:
        if self._handler is None:
            return Outcome.error("NO_HANDLER", f"this worker has no handler for {self.request.task_name}")
        try:
            return await perform(self._handler, self.request, self._bench, lines.add, self._artifacts)
        except AttemptLost as error:  # whoever runs us sees that before the report is tried, or it is refused
            self.lose(str(error))
            return Outcome.error("LOST", str(error))

    async def _send(self, first: int, lines: Sequence[LogLine]) -> None:
        if self._mute:
            return
        try:
            await self._server.append_log(self.request, first, lines)
        except AttemptLost as error:
            self._mute = True
            self.lose(str(error))
        except Refused as error:  # the work is worth more than its log
            self._mute = True
            self._log.error("the server refuses the log", error=str(error))

    async def _keep_lease(self) -> None:
        """Renew in time; returns when the lease is lost."""
        failures = 0
        while True:
            third = self._server.lease_seconds / 3 * random.uniform(0.8, 1)
            await happens(self._doubt, within=self._server.backoff.delay(failures) if failures else third)
            self._doubt.clear()
            try:
                if await self._server.renew(self.request):
                    return self.lose("it was aborted")
                failures = 0
            except AttemptLost as error:
                return self.lose(str(error))
            except (Unavailable, Refused, ClientError) as error:
                failures += 1
                self._log.warning("the lease could not be renewed", error=str(error))

    async def _hand_back(self) -> Ending:
        try:
            await self._server.hand_back(self.request)
        except (AttemptLost, Refused) as error:
            self._log.info("not taken back", reason=str(error))
            return Ending.LOST
        return Ending.HANDED_BACK


async def happens(event: asyncio.Event, *, within: float) -> bool:
    """Whether the event came within so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            return await event.wait()
    return False


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and wait until they have tidied up."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
