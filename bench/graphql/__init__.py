"""Reads over GraphQL."""
