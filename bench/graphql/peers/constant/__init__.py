"""No server at all."""
