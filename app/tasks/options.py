"""The options that an actor may have beside dramatiq's own, and what holds when none is given."""

from dramatiq import Middleware

MAX_RETRIES = 5
MIN_BACKOFF_MS = 15_000
MAX_BACKOFF_MS = 3_600_000
TIME_LIMIT_MS = 600_000
RESULT_TTL_MS = 600_000

OPTIONS: dict[str, str] = {
    "description": "What the actor does, for people; without it, the first paragraph of its docstring.",
    "time_limit": "Milliseconds that one run may take; float('inf'): no limit. 10 minutes if not given.",
    "store_results": "True: what it returns is kept, as JSON.",
    "result_ttl": "Milliseconds for which a result is kept. 10 minutes if not given.",
    "remote": "True: the API may send it, not only code.",
    "log": "False: the engine adds no lines of its own to the log; exceptions are logged all the same.",
    "events": "False: its tasks cause no events, so nobody can follow them live.",
    "process": "True: it runs in a process of its own, for what keeps a processor busy.",
    "keep": "Seconds for which a finished task is kept; TASK_RETENTION_DAYS if not given.",
    "unique": "While one is unfinished, others like it are absorbed: True (the same uid or else arguments), a key, or a "
    "function that makes the key from the arguments.",
}
"""Ours, and those of dramatiq's middlewares whose work the engine does itself."""


class EngineOptions(Middleware):
    """Makes dramatiq accept the options; the engine reads them."""

    @property
    def actor_options(self) -> set[str]:
        return set(OPTIONS)
