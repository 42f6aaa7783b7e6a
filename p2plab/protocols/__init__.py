"""The small protocols that every node speaks."""
