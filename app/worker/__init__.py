"""The reference worker: takes work from a Workyard server, runs it in child processes, and reports.

It uses only the public API. What it can run is given by handlers; a package adds one by an entry point in the group
`workyard.handlers`, whose name is the task's:

    class WordCount:
        version = 1

        async def run(self, request: WorkRequest) -> Outcome:
            words = request.task_data["text"].split()
            print(f"counting {len(words)} words")  # becomes a line of the request's log
            return Outcome.success({"words": len(words)})

    handler = WordCount()
"""

from app.worker.context import context
from app.worker.handler import BadTaskData, Command, Ended, Outcome, Outputs, TaskError, WorkRequest

__all__ = ["BadTaskData", "Command", "Ended", "Outcome", "Outputs", "TaskError", "WorkRequest", "context"]
