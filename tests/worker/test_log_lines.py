import asyncio
from collections.abc import Sequence

import pytest

from app.worker.log_lines import BATCH_LINES, MOST_BYTES, LogLines
from app.worker.verbs import LogLine


class Recipient:
    """Keeps what it is sent; while its gate is shut, it takes its time."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[LogLine]]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, first: int, lines: Sequence[LogLine]) -> None:
        await self.gate.wait()
        self.batches.append((first, list(lines)))

    @property
    def texts(self) -> list[str]:
        return [line.text for _, lines in self.batches for line in lines]


async def test_lines_of_both_streams_are_numbered_together_from_one() -> None:
    recipient = Recipient()
    lines = LogLines(recipient.send)

    await lines.add("STDOUT", b"one\ntwo\n")
    await lines.add("STDERR", b"three\nfo")
    await lines.end()
    await lines.deliver()

    assert [(first, [(line.stream, line.text) for line in batch]) for first, batch in recipient.batches] == [
        (1, [("STDOUT", "one"), ("STDOUT", "two"), ("STDERR", "three"), ("STDERR", "fo")])
    ]


async def test_many_lines_go_in_batches_each_numbered_after_the_one_before() -> None:
    recipient = Recipient()
    lines = LogLines(recipient.send)

    await lines.add("STDOUT", b"x\n" * (2 * BATCH_LINES + 1))
    await lines.end()
    await lines.deliver()

    assert [(first, len(batch)) for first, batch in recipient.batches] == [
        (1, BATCH_LINES),
        (1 + BATCH_LINES, BATCH_LINES),
        (1 + 2 * BATCH_LINES, 1),
    ]


async def test_a_single_line_does_not_wait_for_others() -> None:
    recipient = Recipient()
    lines = LogLines(recipient.send)
    delivering = asyncio.create_task(lines.deliver())

    await lines.add("STDOUT", b"here\n")
    async with asyncio.timeout(2):
        while not recipient.texts:
            await asyncio.sleep(0.01)

    assert recipient.texts == ["here"]
    await lines.end()
    await delivering


async def test_a_slow_server_holds_the_task_back_and_loses_nothing() -> None:
    recipient = Recipient()
    recipient.gate.clear()
    lines = LogLines(recipient.send)
    chunk = b"y\n" * 4096
    added = 0

    async def produce() -> None:
        nonlocal added
        for _ in range(50):
            added += 1
            await lines.add("STDOUT", chunk)
        await lines.end()

    async with asyncio.TaskGroup() as group:
        group.create_task(lines.deliver())
        producing = group.create_task(produce())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.shield(producing)
        held_at = added
        recipient.gate.set()

    assert held_at <= MOST_BYTES // (4096 * 100) + 1
    assert recipient.texts == ["y"] * (50 * 4096)


async def test_what_sending_raises_ends_the_delivery() -> None:
    async def refuse(first: int, lines: Sequence[LogLine]) -> None:
        raise ConnectionError

    lines = LogLines(refuse)
    await lines.add("STDOUT", b"x\n")

    with pytest.raises(ConnectionError):
        await lines.deliver()
