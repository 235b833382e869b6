"""Tasks: sent, taken, reported on, recovered, removed."""

from app.actions.tasks.enqueueing import enqueue
from app.tasks.messages import Enqueued, NewTask

__all__ = ["Enqueued", "NewTask", "enqueue"]
