"""Workyard: one GraphQL API to run work and watch it live."""
