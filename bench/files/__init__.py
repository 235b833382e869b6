"""Bytes that come and go, beside nginx and dd on the same disk; and artifacts that are declared."""
