"""Which actors there are, and by what names."""

import dramatiq
import pytest
from dramatiq.errors import ActorNotFound
from dramatiq.middleware import AsyncIO, Middleware, Retries, ShutdownNotifications, TimeLimit

from app.models.tasks import TaskState
from app.tasks import ModuleNotLoaded, actor, broker, describe, load_modules
from tests.tasks.place import Place, place

__all__ = ["place"]


async def fails() -> None:
    """Raise.

    Not of interest."""
    raise RuntimeError


async def nameless() -> None: ...


def test_unchanged_actors_belong_to_the_broker() -> None:
    assert dramatiq.get_broker() is broker


def test_an_actor_is_called_by_its_module_and_function(place: Place) -> None:
    ours, unchanged = place.actor(fails), place.unchanged(nameless)

    assert [each.actor_name for each in (ours, unchanged)] == [f"{__name__}.fails", f"{__name__}.nameless"]
    assert ours.message().actor_name == f"{__name__}.fails"
    assert set(place.broker.actors) == {f"{__name__}.fails", f"{__name__}.nameless"}


def test_a_name_that_is_given_stays(place: Place) -> None:
    assert place.actor(fails, actor_name="mail.send").actor_name == "mail.send"


def test_a_short_name_is_understood_while_only_one_has_it(place: Place) -> None:
    first = place.actor(fails)
    assert place.broker.get_actor("fails") is first

    def other() -> None: ...

    other.__name__, other.__module__ = "fails", "elsewhere"
    second = place.unchanged(other)

    assert second.actor_name == "elsewhere.fails"
    with pytest.raises(ActorNotFound):
        place.broker.get_actor("fails")
    assert place.broker.get_actor("elsewhere.fails") is second


def test_no_two_actors_have_one_name(place: Place) -> None:
    place.actor(fails)

    with pytest.raises(ValueError, match="already registered"):
        place.actor(fails)


def test_an_actor_says_what_it_does(place: Place) -> None:
    assert describe(place.actor(fails)) == "Raise."
    assert describe(place.actor(fails, actor_name="b", description="Fail.")) == "Fail."
    assert describe(place.actor(nameless)) is None


def test_our_own_actors_must_say_what_they_do(place: Place) -> None:
    async def silent() -> None: ...

    silent.__module__ = "app.chores.mail"

    with pytest.raises(ValueError, match="what it does"):
        place.actor(silent)
    assert place.broker.actors == {}


def test_an_option_that_nobody_knows_is_refused(place: Place) -> None:
    with pytest.raises(ValueError, match="max_retrys"):
        place.actor(fails, max_retrys=3)


def test_the_decorator_takes_options_or_none(place: Place) -> None:
    @actor(broker=place.broker, queue_name="mail")
    async def send(to: str) -> None: ...

    assert (send.queue_name, send.actor_name) == ("mail", f"{__name__}.send")
    assert place.broker.get_declared_queues() == {"mail"}


@pytest.mark.parametrize("middleware", [TimeLimit, ShutdownNotifications, AsyncIO])
def test_what_the_engine_does_itself_is_not_added(place: Place, middleware: type[Middleware]) -> None:
    before = list(place.broker.middleware)

    place.broker.add_middleware(middleware())

    assert place.broker.middleware == before


async def test_a_standard_middleware_takes_the_place_of_the_one_that_was_there(place: Place) -> None:
    place.broker.add_middleware(Retries(max_retries=0))

    outcome = await place.run(place.actor(fails).message())

    assert outcome.state is TaskState.REJECTED
    assert sum(isinstance(each, Retries) for each in place.broker.middleware) == 1


def test_modules_are_loaded_by_name_and_one_that_is_missing_is_named() -> None:
    assert load_modules(["tests.task_actors"]) == ["tests.task_actors"]
    assert "tests.task_actors.noop" in broker.actors
    with pytest.raises(ModuleNotLoaded, match=r"'no\.such\.module' of TASK_MODULES"):
        load_modules(["no.such.module"])
