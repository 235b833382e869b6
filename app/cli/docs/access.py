"""docs/reference/access.md"""

from app import models
from app.access import GRANTS, Capability, Grant, Role
from app.cli.docs.markdown import code, document, sentence, table
from app.graphql.entity import TYPES
from app.models import Entity

INTRODUCTION = """\
Two questions are asked of everything. *May you see it?* Each model says so in one predicate, and what you may not see
does not exist for you. *May you do it?* Each verb requires a capability, and this table says who has it. The ideas behind
both: [concepts/access.md](../concepts/access.md)."""

CAPABILITIES = """\
## Who may do what

A token needs the scope as well: it narrows what its owner may do, and never adds to it. A superuser has every capability
in the tenant but `run_work`. A permission of the same codename, given to a user or to a group, grants a capability
whatever the role. A worker's token has `run_work` and nothing else.

The creator of a work request may abort it, with the scope `work`, whatever the role. Contributors may lower the
priority of their own requests only."""

VISIBILITY = """\
## Who may see what

Nothing is seen across tenants."""


def page() -> str:
    import app.schema  # noqa: F401  fills TYPES

    grants = [(code(name.value), _who(GRANTS[name]), code(GRANTS[name].scope.value)) for name in Capability]
    shown = [model for model in _entities() if model in TYPES]
    rows = [(code(TYPES[model].__name__), visibility(model)) for model in shown]
    return document(
        "Access",
        "app/access.py and app/models",
        INTRODUCTION,
        CAPABILITIES,
        table(("capability", "who has it", "scope"), grants),
        VISIBILITY,
        table(("type", "who sees a row"), rows),
    )


def visibility(model: type[Entity]) -> str:
    """Who may see the model's rows, in the words of its `visibility`, or by what it says instead."""
    own = model.__dict__.get("visibility")
    if own is None and model.seen_with is not None:
        return f"Whoever may see the {model.seen_with.replace('_', ' ')}."
    if own is None:
        return "Whoever may see the workspace that it is in."
    return sentence(own.__func__.__doc__)


def _entities() -> list[type[Entity]]:
    found = [getattr(models, name) for name in models.__all__]
    return [
        each for each in found if isinstance(each, type) and issubclass(each, Entity) and each is not Entity
    ]


def _who(grant: Grant) -> str:
    if grant.worker:
        return "workers"
    if grant.role is not None:
        higher = [role.name for role in Role if role >= grant.role]
        return f"{' or '.join(higher)} of the workspace"
    return "staff" if grant.staff else "every signed-in user"
