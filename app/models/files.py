"""Files, which are known by their content, and the stores that hold their bytes.

Source: File, FileStore, FileInStore and FileUpload of debusine.
"""

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Any

from tortoise import fields
from tortoise.expressions import Q

from app.access import Viewer
from app.models.entity import NOTHING, Entity

HASH_BYTES = 32


class FileStoreBackend(StrEnum):
    """Where a store keeps its bytes."""

    LOCAL = "local"
    MEMORY = "memory"
    S3 = "s3"
    GCS = "gcs"
    AZURE = "azure"


class File(Entity):
    """Content, known by its hash and its size: the same bytes are one file, however often they were uploaded."""

    word = "file"
    current_hash_algorithm = "sha256"

    id = fields.BigIntField(primary_key=True)
    sha256: bytes = fields.BinaryField(description="SHA-256 of the content: 32 bytes.")
    size = fields.BigIntField(description="Bytes.")
    fileinstore_set: fields.ReverseRelation["FileInStore"]

    class Meta:
        table = "file"
        unique_together = (("sha256", "size"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Whoever may see an artifact that has it: to know a hash gives no right to the content."""
        from tortoise.expressions import Subquery

        from app.models.artifacts import FileInArtifact

        return Q(id__in=Subquery(FileInArtifact.visible_to(viewer).values("file_id")))

    @property
    def hash_digest(self) -> bytes:
        """The digest by the current algorithm."""
        return bytes(self.sha256)

    @classmethod
    async def get_or_create(  # type: ignore[override]  # the documented form, instead of the ORM's
        cls, *, hash_digest: bytes, size: int
    ) -> "tuple[File, bool]":
        """The file of that content, and whether it is new."""
        return await super().get_or_create(sha256=hash_digest, size=size)

    @property
    def hash(self) -> str:
        """The digest as 64 small hex characters."""
        return bytes(self.sha256).hex()

    @classmethod
    def calculate_hash(cls, data: bytes) -> bytes:
        """The digest of some bytes."""
        return hashlib.new(cls.current_hash_algorithm, data).digest()


class FileStore(Entity):
    """A place for bytes: a directory, or a bucket of an object store."""

    word = "file store"
    BackendChoices = FileStoreBackend
    DEFAULT = "Default"
    """The name of the one that is there from installation."""

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(255, unique=True, description="Name: a letter, then letters, digits, and + . _ -")
    backend = fields.CharEnumField(FileStoreBackend, max_length=255, description="What kind of place it is.")
    configuration: dict[str, Any] = fields.JSONField(
        default=dict, description="Where it is. Keys and secrets come from the environment, never from here."
    )
    total_size = fields.BigIntField(default=0, description="Bytes in it.")
    soft_max_size = fields.BigIntField(
        null=True, description="New files go elsewhere from so many bytes on, if there is an elsewhere."
    )
    max_size = fields.BigIntField(null=True, description="It takes no more than so many bytes.")
    read_only = fields.BooleanField(default=False, description="True: nothing is added or removed.")
    created_at = fields.DatetimeField(auto_now_add=True, description="When it was made.")
    version = fields.IntField(default=1, description="Counts the changes of this row; give it as ifVersion.")
    files: fields.ManyToManyRelation[File] = fields.ManyToManyField(
        "models.File",
        through="file_in_store",
        forward_key="file_id",
        backward_key="store_id",
        related_name="filestore_set",
    )

    class Meta:
        table = "file_store"

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Whoever is signed in: stores belong to the installation. Their configuration is shown to staff only."""
        return Q() if viewer.user_id is not None or viewer.system else NOTHING


class FileInStore(Entity):
    """That a store has a file."""

    word = "stored file"
    id = fields.BigIntField(primary_key=True)
    store: fields.ForeignKeyRelation[FileStore] = fields.ForeignKeyField(
        "models.FileStore", related_name="fileinstore_set", on_delete=fields.RESTRICT
    )
    store_id: int
    file: fields.ForeignKeyRelation[File] = fields.ForeignKeyField(
        "models.File", related_name="fileinstore_set", on_delete=fields.RESTRICT
    )
    file_id: int
    data: dict[str, Any] = fields.JSONField(default=dict, description="What the store wants to remember.")
    created_at = fields.DatetimeField(auto_now_add=True, description="When it was stored.")

    class Meta:
        table = "file_in_store"
        unique_together = (("store", "file"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Staff, of any tenant."""
        return Q() if viewer.is_staff or viewer.is_superuser else NOTHING


class FileToRemove(Entity):
    """Bytes in a store that no row names any more; a task removes them."""

    word = "file to remove"
    id = fields.BigIntField(primary_key=True)
    store: fields.ForeignKeyRelation[FileStore] = fields.ForeignKeyField(
        "models.FileStore", related_name="to_remove", on_delete=fields.CASCADE
    )
    store_id: int
    sha256: bytes = fields.BinaryField(description="SHA-256 of the content.")
    size = fields.BigIntField(description="Bytes.")
    created_at = fields.DatetimeField(auto_now_add=True, description="Since when.")
    removing_at = fields.DatetimeField(null=True, description="Since when somebody has been removing them.")

    class Meta:
        table = "file_to_remove"
        unique_together = (("store", "sha256", "size"),)

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """Staff, of any tenant."""
        return Q() if viewer.is_staff or viewer.is_superuser else NOTHING


class FileUpload(Entity):
    """A file of an artifact whose bytes are on their way. How many have come is what its temporary file holds."""

    word = "upload"
    seen_with = "file_in_artifact"
    id = fields.BigIntField(primary_key=True)
    file_in_artifact: fields.OneToOneRelation[Any] = fields.OneToOneField(
        "models.FileInArtifact", related_name="fileupload", on_delete=fields.CASCADE
    )
    file_in_artifact_id: int
    path = fields.CharField(
        500, unique=True, description="The name of its temporary file in the directory of uploads."
    )
    last_activity_at = fields.DatetimeField(auto_now_add=True, description="When bytes came last.")
    verified = fields.BooleanField(
        default=False, description="True: all bytes have come and are the right ones; they are being stored."
    )

    class Meta:
        table = "file_upload"

    def absolute_file_path(self, directory: Path) -> Path:
        """Where its bytes are, in that directory of uploads."""
        return directory / self.path

    def current_size(self, directory: Path) -> int:
        """How many bytes have come: exactly those that the temporary file has; 0 when there is none."""
        try:
            return self.absolute_file_path(directory).stat().st_size
        except FileNotFoundError:
            return 0
