"""Our GraphQL beside that of the fastest servers there are, on the same data."""
