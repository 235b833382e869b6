"""Two actors of your own: one waits for the network, the other computes."""

import httpx

from app.tasks import actor, current_task


@actor(remote=True, store_results=True, max_retries=5, min_backoff=1000, time_limit=120_000)
async def count_words(url: str) -> dict[str, int]:
    """Count the words of a page, however slow its server is."""
    task = current_task()
    task.info("asking for the page", url=url)
    async with httpx.AsyncClient(timeout=60) as http:
        page = await http.get(url)
    if page.status_code == 503:
        task.warning("the server is busy", attempt=task.attempt)
    page.raise_for_status()  # what an actor raises has it tried again, later and later
    return {"words": len(page.text.split())}


@actor(remote=True, store_results=True, process=True)
def count_primes(below: int) -> int:
    """Count the primes below a number, in a process of its own: it keeps a processor busy."""
    sieve = bytearray([1]) * max(below, 2)
    sieve[:2] = b"\0\0"
    for number in range(2, int(below**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, len(sieve), number)))
    current_task().info("counted", below=below)
    return sum(sieve)
