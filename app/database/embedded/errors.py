"""What goes wrong, in words for whoever started us."""


class EmbeddedPostgresError(Exception):
    """PostgreSQL cannot run here; the message says why and what to do."""
