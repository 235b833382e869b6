"""The vocabulary of tasks: what a module needs that declares actors and sends them. The names are dramatiq's where
dramatiq has them."""

from dramatiq import Message, group, pipeline
from dramatiq.errors import RateLimitExceeded, Retry
from dramatiq.middleware import Middleware, Shutdown, SkipMessage, TimeLimitExceeded
from dramatiq.rate_limits import Barrier

from app.tasks.actors import Actor, actor, describe
from app.tasks.broker import TaskBroker, broker
from app.tasks.limits import BucketRateLimiter, ConcurrentRateLimiter, PostgresBackend, WindowRateLimiter
from app.tasks.loading import ModuleNotLoaded, load_modules
from app.tasks.making import new_task
from app.tasks.messages import (
    Enqueued,
    NewTask,
    UndecodableMessage,
    decode,
    encode,
    find_actor,
    reset_retries,
    triple_of,
)
from app.tasks.outcomes import Outcome, refuse
from app.tasks.processing import Run, process
from app.tasks.results import result_of
from app.tasks.running import NoCurrentTask, RunningTask, TaskCancelled, current, current_task
from app.tasks.sending import EnqueueOnLoop, enqueue

__all__ = [
    "Actor",
    "Barrier",
    "BucketRateLimiter",
    "ConcurrentRateLimiter",
    "EnqueueOnLoop",
    "Enqueued",
    "Message",
    "Middleware",
    "ModuleNotLoaded",
    "NewTask",
    "NoCurrentTask",
    "Outcome",
    "PostgresBackend",
    "RateLimitExceeded",
    "Retry",
    "Run",
    "RunningTask",
    "Shutdown",
    "SkipMessage",
    "TaskBroker",
    "TaskCancelled",
    "TimeLimitExceeded",
    "UndecodableMessage",
    "WindowRateLimiter",
    "actor",
    "broker",
    "current",
    "current_task",
    "decode",
    "describe",
    "encode",
    "enqueue",
    "find_actor",
    "group",
    "load_modules",
    "new_task",
    "pipeline",
    "process",
    "refuse",
    "reset_retries",
    "result_of",
    "triple_of",
]
