"""Workyard: one GraphQL API to run work and watch it live."""

__version__ = "0.1.0"
