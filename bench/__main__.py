"""python -m bench [claims|delivery]: measures both, or one of them, and prints tables in Markdown."""

import argparse
import asyncio
import sys
from datetime import UTC, datetime

import uvloop

from bench import claims, delivery
from bench.place import machine

SUBJECTS = {"claims": claims.measure, "delivery": delivery.measure}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("subjects", nargs="*", choices=[[], *SUBJECTS], help="what to measure; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is measured, in turns")
    chosen = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}: python -m bench {' '.join(sys.argv[1:])}\n")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for subject in chosen.subjects or SUBJECTS:
            runner.run(SUBJECTS[subject](chosen.rounds))


if __name__ == "__main__":
    main()
