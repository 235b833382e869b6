"""The worker: known to the server, listening to its inbox, claiming what it can run, until it is told to stop."""

import asyncio
import os
import random
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import structlog

from app.client import (
    Backoff,
    Client,
    ClientError,
    CursorExpired,
    GraphQLError,
    Unauthenticated,
    Unavailable,
    UserErrors,
)
from app.worker.artifacts import Artifacts
from app.worker.cache import Cache
from app.worker.execution import Execution, ended, happens
from app.worker.handler import Handler, WorkRequest
from app.worker.metadata import dynamic_metadata
from app.worker.perform import Bench
from app.worker.process import Limits
from app.worker.registry import load_handlers
from app.worker.settings import WorkerSettings, WorkerSettingsError
from app.worker.state import state_directory, token_of
from app.worker.verbs import INBOX, AttemptLost, Refused, Server

log = structlog.get_logger(__name__)

DESCRIBE_EVERY_SECONDS = 3600.0
POLL_WAIT_SECONDS = 1
HAND_BACK_SECONDS = 2.0
POLITE = Backoff(base=0.5, cap=15)
"""For waiting until an administrator enables the worker, or the server is there for the first time."""


async def run_worker(settings: WorkerSettings) -> None:
    """Run a worker until SIGTERM or SIGINT. Raises WorkerSettingsError or HandlerError when it cannot start."""
    handlers = load_handlers(settings.tasks)
    with state_directory(settings) as directory:
        token = token_of(settings)
        async with Client(settings.url, token) as client:
            cache = Cache(directory / "cache", settings.cache_bytes)
            worker = Worker(settings, client, handlers, bench_of(settings, directory), cache)
            with_signals(worker)
            await worker.run(token)


def bench_of(settings: WorkerSettings, directory: Path) -> Bench:
    passed = {name: os.environ[name] for name in settings.pass_environment if name in os.environ}
    limits = Limits(settings.timeout_seconds, settings.memory_bytes, settings.file_bytes)
    return Bench(limits, directory, passed)


def with_signals(worker: "Worker") -> None:
    """The first signal stops the worker in order, the second one at once: the guardians then kill what runs."""

    def received(number: signal.Signals) -> None:
        if worker.stopping:
            log.warning("stopping at once", signal=number.name)
            os._exit(128 + number)
        log.info("stopping", signal=number.name)
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, received, number)


class Worker:
    """Its loops run beside each other: the inbox, the claims, the description of itself, and one task per attempt."""

    def __init__(
        self,
        settings: WorkerSettings,
        client: Client,
        handlers: Mapping[str, Handler],
        bench: Bench,
        cache: Cache,
    ) -> None:
        self._settings = settings
        self._client = client
        self._server = Server(client, settings.lease_seconds)
        self._artifacts = Artifacts(self._server, cache)
        self._handlers = handlers
        self._bench = bench
        self._executions: dict[Execution, asyncio.Task[object]] = {}
        self._stop = asyncio.Event()
        self._wake = asyncio.Event()
        self._describe = asyncio.Event()
        self._aborted: deque[tuple[str, int]] = deque(maxlen=1000)
        self._enabled: bool | None = None
        self._told = True  # that there may be work
        self._settle: Callable[[], Awaitable[None]] | None = self._let_lapse

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Claim no more; let what runs go on for the grace, then hand it back."""
        self._stop.set()
        self._wake.set()

    async def run(self, token: str) -> None:
        if not await self._unless_stopped(self._make_known(token)):
            return
        claiming = asyncio.create_task(self._claim_forever())
        others = [asyncio.create_task(loop) for loop in (self._follow_inbox(), self._describe_forever())]
        stopped = asyncio.create_task(self._stop.wait())
        try:
            done, _ = await asyncio.wait({claiming, *others, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for failed in done - {stopped}:
                failed.result()
            await claiming
            await self._finish()
        finally:
            await ended(claiming, stopped, *others, *self._executions.values())

    async def _unless_stopped(self, starting: Coroutine[Any, Any, None]) -> bool:
        """Whether it came to its end before the worker was told to stop."""
        task, stopped = asyncio.create_task(starting), asyncio.create_task(self._stop.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        await ended(task, stopped)
        return not self.stopping

    # Being known ------------------------------------------------------------------------------------------------------

    async def _make_known(self, token: str) -> None:
        """Register, unless the server knows the token already."""
        failures = 0
        while True:
            try:
                return await self._look_up_or_register(token)
            except ClientError as error:
                if not isinstance(error, Unavailable) and not fault(error):
                    raise WorkerSettingsError(f"cannot work for {self._settings.url}: {error}") from error
                log.warning("waiting for the server", error=str(error))
            await asyncio.sleep(POLITE.delay(failures))
            failures += 1

    async def _look_up_or_register(self, token: str) -> None:
        viewer: dict[str, Any] = {}
        with suppress(Unauthenticated):
            viewer = await self._server.viewer()
        if worker := viewer.get("worker"):
            log.info("known to the server", worker=worker["name"], url=self._settings.url)
            if worker["concurrency"] < self._settings.concurrency:
                log.warning("the server gives this worker less at once", concurrency=worker["concurrency"])
        elif user := viewer.get("user"):
            raise WorkerSettingsError(f"this token belongs to the user {user['username']}, not to a worker")
        else:
            await self._register(token)

    async def _register(self, token: str) -> None:
        settings, activation = self._settings, self._settings.activation_token
        async with Client(settings.url) as anonymous:
            try:
                worker = await Server(anonymous, settings.lease_seconds).register(
                    token,
                    settings.name,
                    settings.concurrency,
                    activation.get_secret_value() if activation else None,
                )
            except UserErrors as error:
                if "CONFLICT" in error.codes:  # at an earlier start; but it is not enabled
                    return
                raise WorkerSettingsError(f"the server does not register this worker: {error}") from error
        log.info("registered", worker=worker["name"], url=settings.url)
        if not worker["enabled"]:
            log.warning(
                "an administrator must enable this worker before it gets work",
                worker=worker["name"],
                mutation=f'mutation {{ enableWorker(input: {{id: "{worker["id"]}"}}) {{ userErrors {{ message }} }} }}',
            )

    def _now_enabled(self, enabled: bool) -> None:
        if enabled is not self._enabled:
            self._enabled = enabled
            if enabled:
                log.info("listening to the server")
            else:
                log.warning(
                    "the server does not know this worker's token, or an administrator has to enable it"
                )

    # The inbox --------------------------------------------------------------------------------------------------------

    async def _follow_inbox(self) -> None:
        """Do what the server says; for ever, whatever happens to the connection or to our standing."""
        after: str | None = None
        failures = 0
        while True:
            try:
                async with aclosing(self._client.subscribe(INBOX, after=after)) as messages:
                    async for message in messages:
                        self._now_enabled(True)
                        after, failures = message["cursor"], 0
                        self._receive(message)
            except CursorExpired:
                after = None
                self._check_all()
            except Unauthenticated:  # the socket may close before it tells that we were disabled
                self._now_enabled(False)
                self._check_all()
            except ClientError as error:
                log.error("the inbox cannot be followed", error=str(error))
            await asyncio.sleep(POLITE.delay(failures))
            failures += 1

    def _receive(self, message: dict[str, Any]) -> None:
        kind = message["__typename"]
        log.debug("told by the server", kind=kind)
        if kind == "DynamicMetadataRequested":
            self._describe.set()
        elif kind == "WorkRequestAbortRequested":
            self._abort(message["workRequest"], message["attempt"], message["reason"])
        elif kind == "WorkerDisabled":
            for execution in self._executions:
                execution.lose("the worker was disabled")
        self._wake.set()  # any message may mean that there is work for us now

    def _abort(self, aborted: dict[str, Any] | None, attempt: int, reason: str) -> None:
        if aborted is None:  # we may not see it any more: the answer to a renewal tells which one it is
            return self._check_all()
        self._aborted.append((aborted["id"], attempt))  # the answer to our claim may still be on its way
        for execution in self._executions:
            if (execution.request.id, execution.request.attempt) in self._aborted:
                execution.lose(f"it was aborted: {reason}" if reason else "it was aborted")
        return None

    def _check_all(self) -> None:
        for execution in self._executions:
            execution.check()
        self._wake.set()

    # What it says of itself -------------------------------------------------------------------------------------------

    async def _describe_forever(self) -> None:
        """At start, when the server asks, and every hour."""
        failures = 0
        while True:
            self._describe.clear()
            pause = DESCRIBE_EVERY_SECONDS * random.uniform(0.9, 1)
            try:
                await self._server.describe(dynamic_metadata(self._handlers, self._settings.tags))
                failures = 0
                self._wake.set()  # with these tags there may be work
            except Unauthenticated:
                pass  # the inbox says when we are enabled
            except ClientError as error:
                log.warning("the metadata could not be sent", error=str(error))
                pause = POLITE.delay(failures)
                failures += 1
            await happens(self._describe, within=pause)

    # Claiming ---------------------------------------------------------------------------------------------------------

    async def _claim_forever(self) -> None:
        """Ask for work while there is room for it: when told, after each end, and now and then unasked."""
        failures = 0
        while await self._room():
            self._wake.clear()
            try:
                request = await self._claim()
            except Unauthenticated:  # the inbox tells when that has changed
                request = None
            except ClientError as error:
                log.warning("no claim could be made", error=str(error))
                await happens(self._stop, within=POLITE.delay(failures))
                failures += 1
                continue
            failures = 0
            if request:
                self._start(request)
            else:
                pause = self._settings.poll_seconds * random.uniform(0.8, 1.2)
                self._told = await happens(self._wake, within=pause)

    async def _room(self) -> bool:
        """Wait until one more attempt may run; False when the worker stops."""
        while not self.stopping and len(self._executions) >= self._settings.concurrency:
            self._wake.clear()
            await self._wake.wait()
        return not self.stopping

    async def _claim(self) -> WorkRequest | None:
        if self._settle:
            await self._settle()
            self._settle = None
        try:
            return await self._server.acquire(0 if self._told else POLL_WAIT_SECONDS)
        except Unavailable as error:
            if error.sent:
                self._settle = self._hand_back_strays
            raise

    async def _hand_back_strays(self) -> None:
        """A claim whose answer was lost may have given us a request: the server would wait for it in vain."""
        for request in await self._strays():
            log.info("handing back what was claimed without our knowing", work_request=request.id)
            with suppress(AttemptLost, Refused):
                await self._server.hand_back(request)

    async def _let_lapse(self) -> None:
        """What a killed predecessor was running is lost: let the server count the attempt now, not later."""
        for request in await self._strays():
            log.info(
                "giving up what a predecessor was running", work_request=request.id, attempt=request.attempt
            )
            with suppress(AttemptLost, Refused):
                await self._server.renew(request, lease_seconds=1)

    async def _strays(self) -> list[WorkRequest]:
        """What the server believes that we run, but we do not."""
        ours = {(execution.request.id, execution.request.attempt) for execution in self._executions}
        return [each for each in await self._server.running() if (each.id, each.attempt) not in ours]

    def _start(self, request: WorkRequest) -> None:
        handler = self._handlers.get(request.task_name)
        execution = Execution(request, handler, self._bench, self._server, self._artifacts)
        if (request.id, request.attempt) in self._aborted:
            execution.lose("it was aborted before we knew of it")
        task: asyncio.Task[object] = asyncio.create_task(execution.run())
        self._executions[execution] = task
        task.add_done_callback(lambda _: self._ended(execution))

    def _ended(self, execution: Execution) -> None:
        task = self._executions.pop(execution)
        if not task.cancelled() and (error := task.exception()):
            log.error(
                "an attempt failed in the worker itself", work_request=execution.request.id, exc_info=error
            )
        self._wake.set()

    async def _finish(self) -> None:
        """Let running work end; hand back what does not."""
        if self._executions:
            log.info(
                "waiting for running work",
                requests=len(self._executions),
                seconds=self._settings.grace_seconds,
            )
            await asyncio.wait(self._executions.values(), timeout=self._settings.grace_seconds)
        for execution in self._executions:
            execution.hand_back()
        if self._executions:
            await asyncio.wait(
                self._executions.values(), timeout=self._bench.limits.grace + HAND_BACK_SECONDS
            )


def fault(error: ClientError) -> bool:
    """Whether the server says that it is its own trouble."""
    return isinstance(error, GraphQLError) and "INTERNAL" in error.codes
