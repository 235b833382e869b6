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
from bench.graphql import measuring as graphql
from bench.place import machine
from bench.tasks import measuring as tasks

SUBJECTS = {
    "claims": claims.measure,
    "delivery": delivery.measure,
    "expiry": expiry.measure,
    "files": files.measure,
    "tasks": tasks.measure,
}
PARTS = {f"tasks.{part}": part for part in tasks.PARTS}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "subjects",
        nargs="*",
        choices=[[], *SUBJECTS, "graphql", *PARTS],
        help="what to measure; default: all",
    )
    parser.add_argument(
        "--rounds", type=int, help="how often each thing is measured, in turns; default: 5, of graphql 3"
    )
    parser.add_argument(
        "--share",
        type=float,
        default=1.0,
        help="of tasks.*: do with so much of the jobs; of graphql: of the messages",
    )
    parser.add_argument(
        "--seconds", type=int, default=3, help="of graphql: how long each sample is; default: 3"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="WORD",
        help=f"of graphql: only servers or documents with such a word in their name: {'; '.join(graphql.NAMES)}",
    )
    chosen = parser.parse_args()
    rounds = chosen.rounds or 5
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}: python -m bench {' '.join(sys.argv[1:])}\n")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for subject in [each for each in chosen.subjects or SUBJECTS if each in SUBJECTS and each != "tasks"]:
            runner.run(SUBJECTS[subject](rounds))
        if not chosen.subjects or "graphql" in chosen.subjects:
            runner.run(graphql.measure(chosen.rounds or 3, chosen.seconds, chosen.only, chosen.share))
        parts = [PARTS[each] for each in chosen.subjects if each in PARTS]
        if parts or not chosen.subjects or "tasks" in chosen.subjects:
            runner.run(tasks.measure(rounds, parts, chosen.share))


if __name__ == "__main__":
    main()
