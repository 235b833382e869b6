"""Messages as rows: what may be sent, where it goes, and what is read back."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import dramatiq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.clock import now
from app.errors import Invalid, MessageTooLarge, UnknownActor
from app.models import Tenant, WorkRequest, Workspace
from app.tasks import UndecodableMessage, decode, encode, new_task, reset_retries, triple_of
from app.tasks.making import MAX_KEY_LENGTH, new_tasks
from app.tasks.messages import MAX_MESSAGE_BYTES
from app.tasks.running import MAX_UID_LENGTH
from tests.tasks.place import Place, place

__all__ = ["place"]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


async def noop(*args: object, **kwargs: object) -> None: ...


def message_with(args: list[Any], kwargs: dict[str, Any]) -> dramatiq.Message[None]:
    return dramatiq.Message("default", "some.actor", tuple(args), kwargs, {"retries": 3})


# There and back -------------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(
    st.lists(JSON, max_size=3),
    st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), JSON, max_size=3),
)
def test_what_is_stored_is_what_was_sent(args: list[Any], kwargs: dict[str, Any]) -> None:
    message = message_with(args, kwargs)

    assert decode(encode(message)) == message


@settings(max_examples=30)
@given(st.lists(JSON, max_size=3))
def test_dramatiq_reads_what_we_write(args: list[Any]) -> None:
    message = message_with(args, {})

    assert dramatiq.Message.decode(encode(message)) == message


@given(st.binary() | JSON.map(lambda value: __import__("json").dumps(value).encode()))
def test_what_is_no_message_is_undecodable(data: bytes) -> None:
    with pytest.raises(UndecodableMessage):
        decode(data)


@pytest.mark.parametrize(
    ("name", "value"),
    [("args", {}), ("kwargs", []), ("options", None), ("queue_name", 1), ("message_timestamp", 1.5)],
)
def test_a_message_with_a_part_of_another_form_is_undecodable(name: str, value: object) -> None:
    message = message_with([], {})
    object.__setattr__(message, name, value)

    with pytest.raises(UndecodableMessage):
        decode(dramatiq.get_encoder().encode(vars(message)))


def test_a_part_too_many_is_undecodable() -> None:
    with pytest.raises(UndecodableMessage):
        decode(dramatiq.get_encoder().encode({**vars(message_with([], {})), "more": 1}))


def test_retries_can_be_forgotten() -> None:
    message = message_with([1], {})
    message.options.update(traceback="…", requeue_timestamp=5, max_retries=2)

    assert decode(reset_retries(encode(message))).options == {"max_retries": 2}


# What may be sent -----------------------------------------------------------------------------------------------------------


def test_a_message_may_have_256_kib_and_not_a_byte_more(place: Place) -> None:
    message = place.actor(noop).message("")
    room = MAX_MESSAGE_BYTES - len(new_task(message, broker=place.broker).message)

    full = new_task(message.copy(args=("x" * room,)), broker=place.broker)

    assert len(full.message) == MAX_MESSAGE_BYTES
    with pytest.raises(MessageTooLarge) as refused:
        new_task(message.copy(args=("x" * (room + 1),)), broker=place.broker)
    assert f"{MAX_MESSAGE_BYTES + 1:,}" in refused.value.message
    assert refused.value.code == "MESSAGE_TOO_LARGE"


@pytest.mark.parametrize("argument", [object(), {1, 2}, b"bytes", "\ud800"])
def test_arguments_must_be_json(place: Place, argument: object) -> None:
    with pytest.raises(Invalid) as refused:
        new_task(place.actor(noop).message(argument), broker=place.broker)

    assert refused.value.path == ("input", "args")


def test_what_json_can_say_as_text_arrives_as_text(place: Place) -> None:
    id = uuid4()
    new = new_task(
        place.actor(noop).message(id, datetime(2026, 1, 2, tzinfo=UTC), 2**70, {1: "x"}), broker=place.broker
    )

    args = (str(id), "2026-01-02T00:00:00+00:00", 2**70, {"1": "x"})
    assert decode(new.message).args == args


def test_an_actor_that_nobody_declares_is_refused(place: Place) -> None:
    with pytest.raises(UnknownActor, match=r"some\.actor") as refused:
        new_task(message_with([], {}), broker=place.broker)

    assert refused.value.code == "UNKNOWN_ACTOR"


@pytest.mark.parametrize(
    ("given_", "path"),
    [
        ({"priority": 2**31}, "priority"),
        ({"priority": True}, "priority"),
        ({"uid": "x" * (MAX_UID_LENGTH + 1)}, "uid"),
        ({"eta": datetime(2026, 1, 1)}, "eta"),  # noqa: DTZ001
        ({"delay_ms": 1e18}, "delayMs"),
        ({"rel_obj": ("work", "workrequest")}, "relObj"),
    ],
)
def test_what_cannot_be_is_refused(place: Place, given_: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        new_task(place.actor(noop).message(), broker=place.broker, **given_)

    assert refused.value.path == ("input", path)


@pytest.mark.parametrize(("name", "value"), [("time_limit", "1 s"), ("max_retries", -1), ("retries", True)])
def test_an_option_that_could_not_work_is_refused_when_it_is_sent(
    place: Place, name: str, value: Any
) -> None:
    with pytest.raises(Invalid, match=name):
        new_task(place.actor(noop).message_with_options(**{name: value}), broker=place.broker)


@pytest.mark.parametrize("change", [{"queue_name": ""}, {"queue_name": "a" * 101}, {"message_id": "x"}])
def test_a_message_that_was_made_by_hand_is_checked(place: Place, change: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        new_task(place.actor(noop).message().copy(**change), broker=place.broker)


# Where and when it goes -----------------------------------------------------------------------------------------------------


def test_a_plain_message_goes_to_its_actors_queue_now(place: Place) -> None:
    message = place.actor(noop, queue_name="mail", priority=-1).message(1)

    new = new_task(message, broker=place.broker)

    assert (str(new.message_id), new.actor_name, new.queue_name, new.priority) == (
        message.message_id,
        f"{__name__}.noop",
        "mail",
        -1,
    )
    assert (new.eta, new.uid, new.dedupe_key, new.rel_obj, new.workspace_id, new.tenant_id) == (None,) * 6
    assert (new.retries, new.log, new.events) == (0, True, True)
    assert isinstance(new.message_id, UUID)


def test_ids_grow_with_time(place: Place) -> None:
    actor = place.actor(noop)

    ids = [actor.message().message_id for _ in range(1_000)]

    assert ids == sorted(ids) and len(set(ids)) == 1_000


def test_options_that_say_where_it_goes_are_not_part_of_the_message(place: Place) -> None:
    eta = now() + timedelta(hours=1)
    message = place.actor(noop).message_with_options(
        uid="x",
        eta=eta,
        priority=3,
        workspace_id=4,
        tenant_id=5,
        rel_obj=("Work", "WorkRequest", 6),
        time_limit=9,
    )

    new = new_task(message, broker=place.broker)

    assert (new.uid, new.eta, new.priority, new.workspace_id, new.tenant_id) == ("x", eta, 3, 4, 5)
    assert new.rel_obj == ("Work", "workrequest", "6")
    assert decode(new.message).options == {"time_limit": 9}


def test_what_is_given_wins_over_the_message_and_the_message_over_the_actor(place: Place) -> None:
    message = place.actor(noop, priority=1).message_with_options(priority=2, uid="message")

    given_ = new_task(message, priority=3, uid="given", broker=place.broker)
    own = new_task(message, broker=place.broker)

    assert (given_.priority, given_.uid) == (3, "given")
    assert (own.priority, own.uid) == (2, "message")


@pytest.mark.parametrize("delay", [5_000, timedelta(seconds=5)])
def test_a_delay_is_a_time_to_run_at(place: Place, delay: Any) -> None:
    before = now()
    new = new_task(place.actor(noop).message_with_options(delay=delay), broker=place.broker)

    assert new.eta is not None
    assert before + timedelta(seconds=5) <= new.eta <= now() + timedelta(seconds=5)
    assert "delay" not in decode(new.message).options


@pytest.mark.parametrize("delay", [0, -5])
def test_no_delay_is_now(place: Place, delay: int) -> None:
    assert new_task(place.actor(noop).message(), delay_ms=delay, broker=place.broker).eta is None


def test_an_object_brings_its_workspace_and_tenant(place: Place) -> None:
    message = place.actor(noop).message()
    workspace, request = Workspace(id=3, name="w"), WorkRequest(id=4, task_name="t")
    workspace.tenant_id, request.workspace_id = 2, 3
    tenant = Tenant(id=2, name="t")

    news = [new_task(message, rel_obj=row, broker=place.broker) for row in (workspace, request, tenant)]

    assert [(new.workspace_id, new.tenant_id) for new in news] == [(3, 2), (3, None), (None, 2)]
    assert [new.rel_obj for new in news] == [
        ("workspaces", "workspace", "3"),
        ("work", "workrequest", "4"),
        ("accounts", "tenant", "2"),
    ]
    assert triple_of(request) == ("work", "workrequest", "4")


# What is unique -------------------------------------------------------------------------------------------------------------


def key(place: Place, *args: object, **options: Any) -> str | None:
    actor = place.broker.actors.get(f"{__name__}.noop") or place.actor(noop)
    message = actor.message_with_options(args=args, **options)
    return new_task(message, broker=place.broker).dedupe_key


def test_nothing_is_unique_unless_it_is_said_to_be(place: Place) -> None:
    assert key(place, 1) is None
    assert key(place, 1, unique=False) is None
    assert key(place, 1, unique=lambda number: None) is None


def test_equal_arguments_make_equal_keys(place: Place) -> None:
    one = key(place, {"a": 1, "b": 2}, unique=True)

    assert one is not None
    assert key(place, {"b": 2, "a": 1}, unique=True) == one
    assert key(place, {"b": 2, "a": 2}, unique=True) != one
    assert key(place, 2**70, unique=True) != key(place, 2**70 + 1, unique=True)


def test_a_label_is_the_key_if_there_is_one(place: Place) -> None:
    assert key(place, 1, unique=True, uid="x") == key(place, 2, unique=True, uid="x") == "uid:x"


def test_a_key_may_be_given_or_computed(place: Place) -> None:
    assert key(place, 1, unique="mine") == "mine"
    assert key(place, 1, 2, unique=lambda a, b: a + b) == "3"
    assert key(place, unique="\0") is None


def test_a_key_that_is_too_long_is_shortened_to_one_of_its_own(place: Place) -> None:
    long, other = "x" * (MAX_KEY_LENGTH + 1), "x" * (MAX_KEY_LENGTH + 2)

    short, shorter = key(place, unique=long), key(place, unique=other)

    assert short is not None and len(short) <= MAX_KEY_LENGTH and short != shorter


def test_an_actor_can_be_unique_by_itself(place: Place) -> None:
    actor = place.actor(noop, unique=True)

    assert new_task(actor.message(), broker=place.broker).dedupe_key is not None
    assert new_task(actor.message(), unique=False, broker=place.broker).dedupe_key is None


# Many at once ---------------------------------------------------------------------------------------------------------------


async def other(*args: object, **kwargs: object) -> None: ...


def test_tasks_that_are_made_together_are_as_if_each_was_made_by_itself(place: Place) -> None:
    plain = place.actor(noop, log=False, priority=3)
    keyed = place.actor(other, queue_name="apart", unique=lambda number: number if number > 1 else None)
    messages = [
        plain.message(1),
        plain.message_with_options(args=(2,), priority=7, uid="given", retries=2),
        plain.message(3).copy(queue_name="elsewhere"),
        keyed.message(1),
        keyed.message(2),
        keyed.message(3),
        plain.message(4),
    ]

    together = new_tasks(messages, [None] * len(messages), workspace_id=5, broker=place.broker)

    assert together == [new_task(each, workspace_id=5, broker=place.broker) for each in messages]
    assert [each.dedupe_key for each in together[3:6]] == [None, "2", "3"]


def test_each_of_many_waits_for_its_own_time(place: Place) -> None:
    actor = place.actor(noop)
    began = now()

    none, short, long = new_tasks(
        [actor.message() for _ in range(3)], [None, 1000, 5000], broker=place.broker
    )

    assert none.eta is None and not none.delayed
    assert short.eta is not None and long.eta is not None and short.delayed and long.delayed
    assert began + timedelta(seconds=1) <= short.eta <= now() + timedelta(seconds=1)
    assert began + timedelta(seconds=5) <= long.eta <= now() + timedelta(seconds=5)
