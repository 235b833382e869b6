"""When a schedule runs: crontabs, read in UTC.

Five fields (minute, hour, day of month, month, day of week), or six with the seconds last. What a field may hold is
croniter's: `*`, `*/5`, `1-5`, `mon-fri`, `L` and so on; also @hourly, @daily, @weekly, @monthly and @yearly.
"""

import re
from datetime import datetime

from croniter import CroniterBadDateError, CroniterError, croniter

from app.clock import now
from app.errors import InvalidCrontab

MAX_LENGTH = 200
YEARS = 10
"""A time that does not come within so many years never comes: 29 February is at most 8 years away."""

_ALIASES = frozenset({"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"})
_RANGE = re.compile(r"(\w+)-(\w+)", re.ASCII)
_LEFT_TO_CHANCE = re.compile(r"[hr](?![a-z])", re.IGNORECASE)


def check_crontab(crontab: str) -> str:
    """The crontab with single spaces. Raises `InvalidCrontab`, with a sentence that says why."""
    if len(crontab) > MAX_LENGTH:
        raise InvalidCrontab(f"A crontab has at most {MAX_LENGTH} characters, not {len(crontab)}.")
    fields = crontab.split()
    if len(fields) != 1 or fields[0].lower() not in _ALIASES:
        if len(fields) not in (5, 6):
            raise InvalidCrontab(
                "A crontab has five fields (minute, hour, day of month, month, day of week), or six with the "
                f"seconds last, not {len(fields)}: {crontab!r}."
            )
        if any(_LEFT_TO_CHANCE.match(part) for field in fields for part in field.split(",")):
            raise InvalidCrontab(f"H and R leave the time to chance, and are not taken: {crontab!r}.")
    for field in fields:
        for start, end in _RANGE.findall(field):
            if _number(start) == _number(end):  # croniter takes it for the whole field
                raise InvalidCrontab(f"{start}-{end} is one value: write {start}.")
    checked = " ".join(fields)
    next_time(checked, now())
    return checked


def next_time(crontab: str, after: datetime) -> datetime:
    """The first time after this one, in UTC. Raises `InvalidCrontab` when there is none, or the crontab cannot be read."""
    try:
        found = croniter(crontab, after, max_years_between_matches=YEARS).get_next(datetime)
    except CroniterBadDateError:
        raise InvalidCrontab(f"The time {crontab!r} never comes.") from None
    except CroniterError as error:
        raise InvalidCrontab(f"{crontab!r} is no crontab: {error}.") from None
    assert isinstance(found, datetime)
    return found


def _number(value: str) -> int | str:
    name = value.lower()
    return int(value) if value.isdigit() else _NAMES.get(name, name)


_NAMES = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6} | {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}
