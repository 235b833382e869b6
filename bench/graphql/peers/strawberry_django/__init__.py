"""Strawberry on Django, with its optimizer."""
