"""What a person would write who needs one answer and nothing else: the limit."""
