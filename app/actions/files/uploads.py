"""Uploads: the bytes of a file of an artifact, until all of them have come."""

from app.errors import Conflict


class UploadBusy(Conflict):
    """Somebody else is sending this file just now."""
