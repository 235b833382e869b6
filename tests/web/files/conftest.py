"""The shelf, for every test of files; the world, for those of who may have them."""

from tests.access.world import world
from tests.web.files.shelf import shelf

__all__ = ["shelf", "world"]
