"""The world, and both ways to read it."""

from tests.access.world import world

__all__ = ["world"]
