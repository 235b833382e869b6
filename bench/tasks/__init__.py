"""The runner of tasks beside the queues on PostgreSQL that Python has. Nothing is imported here: the peers' environment
has none of our dependencies."""
