"""python -m bench [claims|delivery|expiry|files|graphql|tasks|tasks.PART]: measures all, or what is named.

Prints tables in Markdown.
"""

import argparse
import asyncio
import sys
from datetime import UTC, datetime

import uvloop

from bench import claims, delivery, expiry
from bench.files import measuring as files
from bench.graphql import compiled
from bench.place import machine
from bench.tasks import measuring as tasks

SUBJECTS = {
    "claims": claims.measure,
    "delivery": delivery.measure,
    "expiry": expiry.measure,
    "files": files.measure,
    "graphql": compiled.measure,
    "tasks": tasks.measure,
}
PARTS = {f"tasks.{part}": part for part in tasks.PARTS}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "subjects", nargs="*", choices=[[], *SUBJECTS, *PARTS], help="what to measure; default: all"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is measured, in turns")
    parser.add_argument("--share", type=float, default=1.0, help="of tasks.*: do with so much of the jobs")
    chosen = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}: python -m bench {' '.join(sys.argv[1:])}\n")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for subject in [each for each in chosen.subjects or SUBJECTS if each in SUBJECTS and each != "tasks"]:
            runner.run(SUBJECTS[subject](chosen.rounds))
        parts = [PARTS[each] for each in chosen.subjects if each in PARTS]
        if parts or not chosen.subjects or "tasks" in chosen.subjects:
            runner.run(tasks.measure(chosen.rounds, parts, chosen.share))


if __name__ == "__main__":
    main()
