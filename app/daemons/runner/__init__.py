"""The task runner: takes tasks from the database, runs their actors, stores what became of them."""

from app.daemons.runner.garbage import collect_less_often
from app.daemons.runner.runner import Companion, Runner

__all__ = ["Companion", "Runner", "collect_less_often"]
