"""The world, for every test of who may see and do what."""

from tests.access.world import world

__all__ = ["world"]
