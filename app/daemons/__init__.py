"""Loops beside the server: each has run_once(), which says what it did, and run_forever()."""
