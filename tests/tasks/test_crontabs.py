"""What a crontab may say, and when it comes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ErrorCode, InvalidCrontab
from app.tasks.crontabs import MAX_LENGTH, check_crontab, next_time

TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def part(lowest: int, highest: int) -> st.SearchStrategy[str]:
    """What one field may hold."""
    number = st.integers(lowest, highest)
    ends = st.tuples(number, number).filter(lambda ends: ends[0] != ends[1])
    span = ends.map(lambda ends: f"{min(ends)}-{max(ends)}")
    step = st.integers(1, highest).map(lambda every: f"*/{every}")
    return st.one_of(
        st.just("*"), number.map(str), span, step, st.lists(number, min_size=1, max_size=4).map(listed)
    )


def listed(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))


FIELDS = st.tuples(part(0, 59), part(0, 23), part(1, 28), part(1, 12), part(0, 7))
SECONDS = st.one_of(st.just(""), part(0, 59))


@given(FIELDS, SECONDS, TIMES)
def test_the_next_time_is_the_first_that_the_fields_allow(
    fields: tuple[str, ...], seconds: str, after: datetime
) -> None:
    crontab = check_crontab(" ".join([*fields, seconds]))

    found = next_time(crontab, after)
    earlier = next_time(crontab, found - timedelta(microseconds=1))

    assert found > after
    assert (found.tzinfo, found.microsecond, earlier) == (UTC, 0, found)
    assert next_time(crontab, after + (found - after) / 2) == found  # there is none in between
    for value, field in zip(
        (found.minute, found.hour, found.month), (fields[0], fields[1], fields[3]), strict=True
    ):
        assert allows(field, value)
    assert allows(seconds or "0", found.second)


def allows(field: str, value: int) -> bool:
    """Whether a field of a crontab lets a number through. Not for months and days, which */2 counts from 1."""
    if field.startswith("*"):
        every = int(field[2:] or 1)
        return value % every == 0 or every > 12 or value % every == 1
    ends = [int(end) for end in field.split("-")] if "-" in field else None
    return ends[0] <= value <= ends[1] if ends else value in map(int, field.split(","))


@given(st.text(max_size=2 * MAX_LENGTH), TIMES)
def test_any_other_text_is_refused_in_one_way(text: str, after: datetime) -> None:
    refused: InvalidCrontab | None = None
    try:
        crontab = check_crontab(text)
    except InvalidCrontab as error:
        refused = error

    if refused is None:
        assert next_time(crontab, after) > after
    else:
        assert (refused.code, refused.path) == (ErrorCode.INVALID_CRONTAB, ("input", "crontab"))


@pytest.mark.parametrize(
    "crontab",
    [
        "0 0 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "0 0 31 2 * 30",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * * 60",
        "*/0 * * * *",
        "H * * * *",
        "1,R * * * *",
        "* * * *",
        "5-5 * * * *",
        "* * * * 1,mon-1",
        "* * * * * * 2030",
        "@reboot",
        "",
        "\0 * * * *",
        "1," * MAX_LENGTH + "1 * * * *",
    ],
)
def test_what_never_comes_is_read_differently_each_time_or_is_no_crontab_is_refused(crontab: str) -> None:
    with pytest.raises(InvalidCrontab):
        check_crontab(crontab)


@pytest.mark.parametrize(
    ("crontab", "expected"),
    [
        ("*/15 * * * *", "2027-02-28T23:45:00"),
        ("* * * * * */5", "2027-02-28T23:32:00"),
        ("0 0 29 2 *", "2028-02-29T00:00:00"),
        ("0 6 * * mon-fri", "2027-03-01T06:00:00"),
        ("0 0 L * *", "2027-03-31T00:00:00"),
        ("@daily", "2027-03-01T00:00:00"),
        ("  30   23 * *   *", "2027-03-01T23:30:00"),
    ],
)
def test_when_it_comes(crontab: str, expected: str) -> None:
    after = datetime(2027, 2, 28, 23, 31, 59, 500_000, tzinfo=UTC)

    found = next_time(check_crontab(crontab), after)

    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)
