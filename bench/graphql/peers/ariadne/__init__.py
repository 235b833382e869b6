"""Ariadne: graphql-core under a schema that is written first."""
