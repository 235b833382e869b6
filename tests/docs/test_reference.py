"""The reference says what is there, all of it."""

import importlib
import re
from pathlib import Path

import pytest

import app.graphql.response as response
from app.cli.docs import pages
from app.cli.docs.entities import (
    MEMBERS,
    MODELS,
    NOT_YET,
    Absent,
    Here,
    documented,
    place,
    schema_fields,
)
from app.cli.docs.errors import REFUSALS
from app.errors import ErrorCode
from tests.docs.pages import ROOT

ENTITIES = {
    f"{system}.{name}": members for system, found in documented().items() for name, members in found.items()
}
EVERY_MEMBER = [(entity, member) for entity, members in ENTITIES.items() for member in members]
HERE = [(entity, member) for entity, member in EVERY_MEMBER if isinstance(place(entity, member), Here)]


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_a_generated_page_is_what_it_would_be_made_now(path: Path) -> None:
    assert path.read_text() == pages()[path], "make docs writes it anew"


def test_every_documented_entity_has_a_model_or_a_domain_to_come() -> None:
    assert set(ENTITIES) == MODELS.keys() | NOT_YET.keys()
    assert not MODELS.keys() & NOT_YET.keys()


def test_a_domain_to_come_is_not_there_yet() -> None:
    built = {file.stem for file in (ROOT / "app" / "models").iterdir()}

    assert not built & set(NOT_YET.values()), "take its entities out of NOT_YET, and into MODELS"


def test_the_page_has_every_member_of_every_entity() -> None:
    text = (ROOT / "docs" / "reference" / "entities.md").read_text()
    sections = dict(re.findall(r"^### (\S+)\n\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))

    for entity, members in ENTITIES.items():
        said = set(re.findall(r"`([^`]+)`", sections[entity.partition(".")[2]]))
        assert said >= set(members), f"{entity} lacks {set(members) - said}"


@pytest.mark.parametrize(("entity", "member"), HERE, ids=[".".join(each) for each in HERE])
def test_what_a_documented_member_is_here_exists(entity: str, member: str) -> None:
    found = place(entity, member)

    assert isinstance(found, Here)
    assert exists(found.ours), f"there is no {found.ours}"
    if found.shown:
        type_name, _, field = re.sub(r"[({ ].*", "", found.shown).partition(".")
        assert type_name in schema_fields()
        assert not field or field in schema_fields()[type_name]


def test_only_the_event_log_has_members_that_graphql_does_not_show() -> None:
    hidden = {entity for entity, member in HERE if not getattr(place(entity, member), "shown", "")}

    assert hidden == {"django-broadcaster.OutboxEvent"}


def test_every_exception_to_the_names_is_about_a_documented_member() -> None:
    assert {tuple(key.rsplit(".", 1)) for key in MEMBERS} <= set(EVERY_MEMBER)


def test_every_member_that_is_absent_has_its_reason() -> None:
    reasons = [found.reason for each in EVERY_MEMBER if isinstance(found := place(*each), Absent)]

    assert reasons
    assert all(reason.endswith(".") for reason in reasons)


def test_every_code_of_a_refusal_is_explained() -> None:
    names = {value for name, value in vars(response).items() if name.isupper() and isinstance(value, str)}

    assert names - {code.value for code in ErrorCode} <= REFUSALS.keys() <= names


def exists(path: str) -> bool:
    """Whether a path below app ("models.Worker.name") leads to something: a field, an attribute, or a related name."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module("app." + ".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return all_there(found, parts[length:])
    return False


def all_there(found: object, names: list[str]) -> bool:
    for name in names:
        if name in getattr(getattr(found, "_meta", None), "fields_map", ()) or related(found, name):
            return True
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


def related(model: object, name: str) -> bool:
    """Whether a relation of another model, or the column of a relation, has that name here."""
    from app import models

    fields_of = [getattr(getattr(models, each), "_meta", None) for each in models.__all__]
    backward = any(
        getattr(field, "related_name", None) == name
        and field.model_name == f"models.{getattr(model, '__name__', '')}"
        for meta in fields_of
        for field in getattr(meta, "fields_map", {}).values()
    )
    own = getattr(getattr(model, "_meta", None), "fields_map", {})
    return backward or (name.endswith("_id") and name.removesuffix("_id") in own)
