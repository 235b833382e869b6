"""What resolvers get: who asks, and loaders that see with the asker's eyes. New for each operation and each event."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from app.access import Viewer
from app.models import Entity
from app.models.entity import holds
from app.publishers.hub import Hub
from app.settings import Settings

E = TypeVar("E", bound=Entity)
BATCH = 1000


class Context:
    """Everything that a resolver may reach for."""

    def __init__(
        self,
        viewer: Viewer,
        hub: Hub,
        *,
        settings: Settings | None = None,
        address: str = "",
        look_again: Callable[[], Awaitable[Viewer]] | None = None,
        rate_limit: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self.viewer = viewer
        self.hub = hub
        self.settings = settings or Settings()
        self.address = address
        self.rate_limit = rate_limit
        self._look_again = look_again
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}

    async def current_viewer(self) -> Viewer:
        """Who asks, with what they may do now: for resolvers that go on for long. Raises `Unauthenticated` once revoked."""
        if self._look_again is not None:
            self.viewer = await self._look_again()
        return self.viewer

    def see_as_worker(self, tenant_id: int, worker_id: int, token_id: int) -> None:
        """Go on with the eyes of a worker that has just registered, so that the answer can show it itself."""
        if self.viewer.anonymous:
            self.viewer = Viewer(tenant_id=tenant_id, worker_id=worker_id, token_id=token_id)

    async def one(self, model: type[E], id: int | UUID | None) -> E | None:
        """The row, if the viewer may see it. All that one moment asks for come in one statement."""
        return None if id is None else await self.one_by(model, "id", id)

    async def one_by(self, model: type[E], column: str, value: int | UUID) -> E | None:
        """The row whose unique column has that value, if the viewer may see it."""

        async def load(values: list[int | UUID]) -> list[E | None]:
            wanted = model.with_ids(values) if column == "id" else holds(f"{column}__in", values)
            rows = await model.visible_to(self.viewer).filter(wanted)
            found = {getattr(row, column): row for row in rows}
            return [found.get(value) for value in values]

        row: E | None = await self.loader((model, column), load).load(value)
        return row

    def forget(self) -> None:
        """Look everything up anew from now on: something was changed."""
        self._loaders.clear()

    def loader(
        self, key: Hashable, load: Callable[[list[Any]], Awaitable[list[Any]]]
    ) -> DataLoader[Any, Any]:
        """The loader of that key; `load` is what it does, if it is new. It lives as long as this context."""
        if key not in self._loaders:
            self._loaders[key] = DataLoader(load_fn=load, max_batch_size=BATCH)
        return self._loaders[key]


Info = strawberry.Info[Context, None]
