"""Kinds of artifacts: their names, and what the data of such artifacts must look like."""

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from app import events
from app.access import Capability, Viewer
from app.actions.audit import note
from app.actions.json_schemas import check_data, check_schema
from app.actions.outbox import record
from app.database import atomic, fetch
from app.errors import Invalid
from app.models import ArtifactCategory, LogAction

_NAME = re.compile(r"[a-z0-9][a-z0-9+._:-]{0,254}", re.ASCII)

ANY: dict[str, Any] = {"type": "object"}
"""The schema of data of which nothing is said."""

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}


def _exactly(**properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with these properties and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class BuiltIn:
    """A category that every installation has."""

    name: str
    description: str
    data_schema: dict[str, Any] = field(default_factory=lambda: ANY)


CATEGORIES = (
    BuiltIn("workyard:files", "Any files."),
    BuiltIn("workyard:work-request-output", "What a work request left, when its task says nothing else."),
    BuiltIn("workyard:work-request-debug-logs", "What helps to find out why a work request failed."),
    BuiltIn("workyard:test", "For trying things out."),
    BuiltIn(
        "debusine:work-request-debug-logs",
        "Files that help to find out why a work request failed.",
        _exactly(),
    ),
    BuiltIn("debusine:test", "For tests."),
    BuiltIn(
        "debian:package-build-log",
        "The log of the build of a Debian package.",
        _exactly(source=_TEXT, version=_TEXT, filename=_TEXT),
    ),
    BuiltIn(
        "debian:source-package",
        "A Debian source package: its .dsc and the files that it names.",
        _exactly(name=_TEXT, version=_TEXT, type={"const": "dpkg"}, dsc_fields=ANY),
    ),
    BuiltIn(
        "debian:binary-package",
        "One Debian binary package.",
        _exactly(srcpkg_name=_TEXT, srcpkg_version=_TEXT, deb_fields=ANY, deb_control_files=_TEXTS),
    ),
    BuiltIn(
        "debian:binary-packages",
        "The Debian binary packages that one build of a source package made.",
        _exactly(srcpkg_name=_TEXT, srcpkg_version=_TEXT, version=_TEXT, architecture=_TEXT, packages=_TEXTS),
    ),
    BuiltIn(
        "debian:upload",
        "An upload of Debian packages: a .changes file and the files that it names.",
        _exactly(type={"const": "dpkg"}, changes_fields=ANY),
    ),
    BuiltIn("debian:lintian", "What lintian found in packages.", _exactly(summary=ANY)),
    BuiltIn(
        "debian:autopkgtest",
        "What the tests of a Debian package found.",
        _exactly(
            results={
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {"status": {"enum": ["PASS", "FAIL", "FLAKY", "SKIP"]}},
                    "required": ["status"],
                },
            },
            cmdline=_TEXT,
            source_package=ANY,
            architecture=_TEXT,
            distribution=_TEXT,
        ),
    ),
    BuiltIn("debian:system-tarball", "A Debian system as a tar archive."),
    BuiltIn("debian:system-image", "A Debian system as an image of a disk."),
    BuiltIn("debian:blhc", "What blhc found in the log of a build."),
)


async def register_builtin_categories() -> None:
    """Make the built-in categories known; run at every start."""
    await fetch(
        _REGISTER,
        [each.name for each in CATEGORIES],
        [each.description for each in CATEGORIES],
        [orjson.dumps(each.data_schema).decode() for each in CATEGORIES],
    )


# Only what has changed is written: nobody waits for rows that stay as they are.
_REGISTER = """
INSERT INTO artifact_category (name, description, data_schema)
SELECT name, description, data_schema::jsonb FROM unnest($1::text[], $2::text[], $3::text[])
    AS given(name, description, data_schema) ORDER BY name
ON CONFLICT (name) DO UPDATE SET description = excluded.description, data_schema = excluded.data_schema,
    version = artifact_category.version + 1
WHERE (artifact_category.description, artifact_category.data_schema) <> (excluded.description, excluded.data_schema)
"""


@atomic()
async def register_artifact_category(
    viewer: Viewer, *, name: str, data_schema: Any, description: str = ""
) -> ArtifactCategory:
    """Make a kind of artifact known, or change what its data must look like. Artifacts that exist stay as they are."""
    viewer.require(Capability.ADMINISTER_FILES)
    _check_name(name)
    if name in {built_in.name for built_in in CATEGORIES}:
        raise Invalid.field("name", f"'{name}' is built in.", "TAKEN")
    category, made = await ArtifactCategory.update_or_create(
        name=name,
        defaults={"data_schema": check_schema("dataSchema", data_schema), "description": description},
    )
    if not made:
        await category.save_changes()
    await record(events.ArtifactCategoryRegistered, category.id, tenant_id=viewer.tenant_id)
    await note(viewer, LogAction.ADDITION if made else LogAction.CHANGE, category, name)
    return category


async def check_category(viewer: Viewer, name: str, data: Any, *, free: bool) -> None:
    """Raise `Invalid` unless the category is known and the data is as it says. `free`: any other name will do, too."""
    category = await ArtifactCategory.find_visible(viewer, name)
    if category is not None:
        check_data("data", data, category.data_schema, named_by="category", name=name)
    elif free:
        _check_name(name, "category")
    else:
        rows = await ArtifactCategory.visible_to(viewer).order_by("name").limit(100)
        names = ", ".join(row.name for row in rows)
        raise Invalid.field(
            "category", f"There is no category '{name[:100]}'. There are: {names}.", "UNKNOWN"
        )


def _check_name(name: str, field: str = "name") -> None:
    if not _NAME.fullmatch(name):
        raise Invalid.field(
            field, "A category's name is a small letter or digit, then at most 254 of a-z 0-9 + . _ : -"
        )
