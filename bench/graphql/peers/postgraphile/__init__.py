"""PostGraphile 5 with its own preset."""
