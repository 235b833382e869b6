"""Any object by its global id."""

import asyncio
from typing import Annotated

import strawberry

from app import models
from app.context import Info
from app.errors import BadInput
from app.graphql.entity import TYPES, Node
from app.graphql.ids import decode_id, key_of
from app.graphql.roots import AnyNode, AnyNodes, planned

MAX_NODES = 100


@strawberry.type
class Query:
    """Relay's root fields."""

    @strawberry.field(
        description="The object with this id; null when it is absent or you may not see it.",
        graphql_type=Node | None,
    )
    @staticmethod
    @planned(AnyNode())
    async def node(
        info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Global id.")]
    ) -> models.Entity | None:
        return await _find(info, id, ("id",))

    @strawberry.field(
        description=f"The objects with these ids, in this order, null for each that is absent or invisible. At most {MAX_NODES}.",
        graphql_type=list[Node | None],
    )
    @staticmethod
    @planned(AnyNodes(MAX_NODES))
    async def nodes(
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Global ids.")],
    ) -> list[models.Entity | None]:
        if len(ids) > MAX_NODES:
            raise BadInput(f"Ask for at most {MAX_NODES} ids at once.", path=("ids",))
        return list(
            await asyncio.gather(*[_find(info, id, ("ids", str(index))) for index, id in enumerate(ids)])
        )


async def _find(info: Info, id: str, path: tuple[str, ...]) -> models.Entity | None:
    name, key = decode_id(id, path)
    model = next((each for each in TYPES if each.__name__ == name and issubclass(TYPES[each], Node)), None)
    if model is None:
        raise BadInput(f"There are no objects of the type {name}.", path=path)
    found: models.Entity | None = await info.context.one(model, key_of(model, name, key, path))
    return found
