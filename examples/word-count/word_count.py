"""A task of your own in ten lines: taskData {"text": "…"} → outputData {"words": 3}."""

from app.worker import Outcome, WorkRequest


class WordCount:
    version = 1

    async def run(self, request: WorkRequest) -> Outcome:
        words = request.task_data["text"].split()
        print(f"counting {len(words)} words")  # a line of the request's log
        return Outcome.success({"words": len(words)})


handler = WordCount()
