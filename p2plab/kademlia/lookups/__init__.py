"""Lookups: the iterative search, what it gives, and what it does where the answers look like an eclipse."""
