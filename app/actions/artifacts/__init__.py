"""Artifacts: declared, related, kept for longer or shorter."""

from app.actions.artifacts.categories import (
    CATEGORIES,
    register_artifact_category,
    register_builtin_categories,
)
from app.actions.artifacts.changing import update_artifact
from app.actions.artifacts.creating import NewArtifact, NewRelation, create_artifact
from app.actions.artifacts.relations import create_artifact_relation, delete_artifact_relation
from app.actions.artifacts.rules import NewFile

__all__ = [
    "CATEGORIES",
    "NewArtifact",
    "NewFile",
    "NewRelation",
    "create_artifact",
    "create_artifact_relation",
    "delete_artifact_relation",
    "register_artifact_category",
    "register_builtin_categories",
    "update_artifact",
]
