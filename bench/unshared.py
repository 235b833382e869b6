"""A server that finds out and renders each event anew for every subscriber: what sharing is compared with."""

from collections.abc import Callable
from typing import Any

from app.access import Viewer
from app.cli import build
from app.graphql.groups import Charge, Following, Render, Selection, Selections
from app.graphql.rendering import SharedRenderings


def select_anew(
    self: Selections,
    key: object,
    following: Following,
    viewer: Viewer,
    render: Render,
    make_context: Callable[[], Any],
    charge: Charge,
) -> Selection:
    return Selection(following, viewer, render, make_context, charge, SharedRenderings())


Selections.get = select_anew  # type: ignore[method-assign]

if __name__ == "__main__":
    build()(["serve"])
