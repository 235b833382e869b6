"""Verbs. The only place that writes: one transaction each, its event recorded inside it."""
