"""Strawberry's own handler of WebSockets."""
