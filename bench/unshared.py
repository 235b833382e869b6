"""A server that renders each event anew for every subscriber: what sharing is compared with."""

from collections.abc import Awaitable, Callable, Hashable

from app.cli import build
from app.graphql.rendering import Rendered, SharedRenderings


async def render_anew(
    self: SharedRenderings, key: Hashable, render: Callable[[], Awaitable[bytes]]
) -> Rendered:
    return Rendered(await render())


SharedRenderings.get = render_anew  # type: ignore[method-assign]

if __name__ == "__main__":
    build()(["serve"])
